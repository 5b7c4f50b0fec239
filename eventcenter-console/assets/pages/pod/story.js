// One life: what is wrong, its beginning, its time line, and the list that is in step with it.

import { h } from '../../lib/dom.js';
import { lanes } from '../../lib/lanes.js';
import { eventsLink, section, table, when } from '../../lib/parts.js';
import { instant, span } from '../../lib/time.js';
import { all, term } from '../../lib/view.js';
import { number, t } from '../../lib/words.js';
import { eventList } from './list.js';
import { beginning, node, steps, verdict } from './verdict.js';

/**
 * @param {object} life made ready
 * @param {object} shown
 * @param {string} shown.cluster
 * @param {{ namespace: string, name: string }} shown.pod
 * @param {object[]} shown.gaps as the API tells them
 * @param {[number, number]} shown.whole what can be looked at
 * @param {(window: [number, number], how?: { settled: boolean }) => void} shown.onLook is to call `showPlot` and `showList`
 * @param {(id: string | null) => void} shown.onChoose
 */
export function story(life, { cluster, pod, gaps, whole, onLook, onChoose }) {
  const plot = lanes({
    label: t('pod.timeline_of', { name: pod.name }),
    lanes: life.lanes,
    gaps: gaps.map(({ since, until, reason }) => ({ from: since ? Date.parse(since) : whole[0], until: Date.parse(until), title: `${t('parts.gap')} ${reason}` })),
    lines: life.end ? [{ at: Date.parse(life.end.at), title: `${life.end.reason} ${instant(life.end.at)}` }] : [],
    whole,
    window: whole,
    onLook,
    onHover: (id) => list.hover(id),
    onChoose: (id) => {
      list.choose(id);
      list.reveal(id);
      onChoose(id);
    },
  });
  const list = eventList({
    life,
    cluster,
    onHover: (id) => plot.mark({ hot: id }),
    onChoose: (id) => {
      plot.mark({ chosen: id });
      onChoose(id);
    },
  });

  /** Looks at a part of the whole, with some room beside it. */
  function at(from, until) {
    const room = Math.max((until - from) * 0.08, 1500);
    onLook([Math.max(from - room, whole[0]), Math.min(until + room, whole[1])]);
    plot.element.scrollIntoView({ block: 'nearest' });
  }

  function lookAt({ events, last }) {
    const said = life.points.filter(({ id }) => events.includes(id));
    if (!said.length) return;
    at(Math.min(...said.map((point) => point.from)), Date.parse(last));
    const newest = said.sort((a, b) => a.until - b.until).at(-1);
    plot.mark({ chosen: newest.id });
    list.choose(newest.id);
    onChoose(newest.id);
  }

  return {
    verdict: verdict(life, pod, lookAt),
    facts: facts(life, cluster, pod),
    steps: life.steps.length > 0 && section(`${t('pod.beginning')} · ${beginning(life)}`, { class: 'beginning' }, steps(life, at)),
    containers: containers(life),
    plot: plot.element,
    list: list.element,
    showPlot: plot.show,
    showList: list.show,
    choose(id) {
      plot.mark({ chosen: id });
      list.choose(id);
    },
  };
}

function facts(life, cluster, { namespace, name }) {
  const about = (title, value) => value && h('div', {}, h('dt', {}, title), h('dd', {}, value));
  const [kind, owner] = (life.owner ?? '').split('/');
  return h('dl', { class: 'facts' },
    about(t('pod.namespace'), h('a', { href: eventsLink(term('namespace', namespace)) }, namespace)),
    about(t('parts.node'), life.node && node(cluster, life.node)),
    about(t('pod.workload'), life.workload && h('a', { href: eventsLink(term('workload', life.workload), term('namespace', namespace)) }, life.workload)),
    about(t('pod.owner'), owner && h('a', { href: eventsLink(term('kind', kind), term('name', owner), term('namespace', namespace)) }, life.owner)),
    about(t('pod.first'), when(life.from)),
    about(t('pod.last'), when(life.until)),
    life.end && about(t('pod.lived'), span((life.durations.alive_seconds ?? 0) * 1000)),
    life.uid && about('uid', h('span', { class: 'mono' }, life.uid)),
    h('div', {}, h('dt', { class: 'unseen' }, t('page.events')), h('dd', {}, h('a', { href: eventsLink(all(term('kind', 'Pod'), term('name', name), term('namespace', namespace))) }, t('pod.all_events')))));
}

function containers({ containers: found }) {
  if (!found.some((one) => one.restarts || one.restarts_estimated || one.pulls.length) && found.length < 2) return null;
  const pull = ({ pulls }) => {
    const last = pulls.at(-1);
    return last ? [h('span', { class: 'mono' }, last.image.slice(0, 300)), ` · ${last.took_seconds < 1 ? `< ${span(1000)}` : span(last.took_seconds * 1000)}`] : '–';
  };
  return section(t('pod.containers'), {}, table(t('pod.containers'), [
    [t('parts.container'), (one) => one.name],
    [t('pod.started'), (one) => (one.started ? when(one.started) : '–'), 'time'],
    [t('pod.restarts'), (one) => `${one.restarts_estimated ? '≥ ' : ''}${number(one.restarts)}`, 'number'],
    [t('pod.pull'), pull],
  ], found));
}
