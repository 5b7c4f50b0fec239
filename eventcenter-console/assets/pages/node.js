// A node: what is wrong with it now and since when, what happened to it and when, and what its Pods suffered.
//
// The view: `zoom` (two times of the time line), `event` (a chosen one).

import { get } from '../lib/api.js';
import { h, plain } from '../lib/dom.js';
import { lanes } from '../lib/lanes.js';
import { nodeState } from '../lib/node_state.js';
import { lacks, level, nothing, podLink, ranking, samples, section, table, when } from '../lib/parts.js';
import { bounds, spoken } from '../lib/range.js';
import { page } from '../lib/shell.js';
import { ago, instant, offset } from '../lib/time.js';
import { levelTrend } from '../lib/trend.js';
import { all, go, link, scope, term } from '../lib/view.js';
import { compact, number, t } from '../lib/words.js';
import { verdict } from './node/verdict.js';
import { eventList } from './pod/list.js';

const [cluster, name] = location.pathname.split('/').slice(2).map(decodeURIComponent);
document.title = `${plain(name)} · ${document.title}`;

const NODE = term('node', name);
const OWN = 'kind : Node';
const FAILURES = 'kind : Pod and level >= Warning';
/** Events of this node's cluster, whatever cluster is chosen. */
const events = (...statements) => link('/events', { query: all(NODE, ...statements), cluster: cluster === '-' ? undefined : cluster });

page({
  load: (_, signal) => get(`nodes/${[cluster, name].map(encodeURIComponent).join('/')}`, { ...scope(), cluster: null, offset: offset() }, { signal }),
  show(node, now) {
    const until = Math.min(Date.now(), bounds(now).until);
    return [
      lacks(node),
      facts(node),
      verdict(node, until),
      trend(node),
      timeline(node, until, now),
      conditions(node),
      pods(node),
      ooms(node),
      xids(node),
      h('p', { class: 'more' }, h('a', { href: events() }, t('node.all_events'))),
    ];
  },
});

function facts({ own, levels, conditions: told, removed }) {
  const about = (title, value) => h('div', {}, h('dt', {}, title), h('dd', {}, value));
  const count = ({ error, warning, normal }) => ['Error', error, 'Warning', warning, 'Normal', normal];
  const counted = (of) => {
    const parts = count(of);
    return [0, 2, 4].map((at) => parts[at + 1] > 0 && [level(parts[at]), ` ${compact(parts[at + 1])} `]);
  };
  const ready = told.find(({ kind }) => kind === 'Ready');
  return h('dl', { class: 'facts' },
    about(t('nodes.column.state'), nodeState(ready && !ready.is_bad, removed)),
    cluster !== '-' && about(t('shell.cluster'), cluster),
    about(t('nodes.column.own'), h('a', { href: events(OWN) }, counted(own))),
    about(t('nodes.column.seen'), h('a', { href: events() }, counted(levels))),
    about(t('range.title'), spoken()));
}

const trend = (node) => node.trend.buckets.length > 0 && section(t('node.trend'), {}, levelTrend(t('node.trend'), node, 130));

// Its own events, drawn in lanes and listed beneath --------------------------------------------------------------

function timeline(node, until, now) {
  const title = t('node.timeline');
  if (!node.lanes.length) return section(title, {}, nothing(t('node.no_own')));
  const drawn = node.lanes.map(({ kind, points }) => ({ title: t(`node.lane.${kind}`), rows: 3, points: points.map((point) => made(point, t(`node.lane.${kind}`))) }));
  const points = drawn.flatMap((lane) => lane.points);
  const from = Date.parse(node.range.from);
  const end = Math.max(until, ...points.map((point) => point.until));
  const room = (end - from) * 0.02;
  const whole = [from - room, end + room];
  const look = (window, { settled = true } = {}) => {
    const isWhole = window[0] <= whole[0] && window[1] >= whole[1];
    go({ zoom: isWhole ? null : window.map((at) => new Date(Math.round(at)).toISOString()).join('/') }, { replace: !settled, quiet: true });
    list.show({ window });
  };
  const choose = (event) => go({ event }, { replace: true, quiet: true });
  const window = zoomed(now.zoom, whole);
  const plot = lanes({
    label: t('node.timeline_of', { name }),
    lanes: drawn,
    gaps: node.gaps.map(({ since, until: last, reason }) => ({ from: since ? Date.parse(since) : whole[0], until: Date.parse(last), title: `${t('parts.gap')} ${reason}` })),
    lines: [],
    whole,
    window,
    onLook: look,
    onHover: (id) => list.hover(id),
    onChoose: (id) => {
      list.choose(id);
      choose(id);
    },
  });
  const list = eventList({
    life: { points, whole },
    cluster,
    onHover: (id) => plot.mark({ hot: id }),
    onChoose: (id) => {
      plot.mark({ chosen: id });
      choose(id);
    },
  });
  list.show({ window });
  if (now.event) {
    plot.mark({ chosen: now.event });
    list.choose(now.event);
  }
  return section(title, { class: 'timeline' }, node.truncated && h('p', { class: 'notice warn' }, t('node.truncated')), plot.element,
    h('p', { class: 'legend plot-legend' }, t('lanes.hint')), list.element, h('p', { class: 'more' }, h('a', { href: events(OWN) }, t('node.own_events'))));
}

const made = (point, lane) => ({
  ...point,
  lane,
  from: Date.parse(point.from),
  until: Date.parse(point.until),
  moments: point.moments.map((moment) => ({ ...moment, at: Date.parse(moment.at) })),
});

function zoomed(text, whole) {
  const [from, until] = (text ?? '').split('/').map((time) => Date.parse(time));
  return from < until && from < whole[1] && until > whole[0] ? [Math.max(from, whole[0]), Math.min(until, whole[1])] : whole;
}

// What else is known of it ---------------------------------------------------------------------------------------

function conditions({ conditions: told }) {
  if (!told.length) return null;
  return section(t('node.conditions'), {}, table(t('node.conditions'), [
    [t('node.condition'), ({ kind }) => h('strong', {}, kind), 'time'],
    [t('node.status'), ({ is_bad: bad }) => h('span', { class: `badge ${bad ? 'level-error' : 'good'}` }, bad ? t('node.bad') : t('node.good'))],
    [t('node.since_column'), ({ since }) => [when(since), h('span', { class: 'faint' }, ` ${ago(since)}`)], 'time'],
    [t('node.last_said'), ({ until }) => when(until), 'time'],
    [t('parts.reason'), ({ reason }) => reason, 'time'],
    [t('parts.message'), ({ message }) => h('span', { class: 'message', title: message.slice(0, 2000) }, message.slice(0, 600))],
  ], told));
}

function pods({ pods: found, pod_workloads: workloads, pod_reasons: reasons, pod_events: newest }) {
  const title = t('node.pods');
  if (!found.total) return section(title, {}, nothing(t('node.no_pods')));
  const named = { ...found, groups: found.groups.map(({ values: [value], count }) => ({ values: [value.replace(/^Pod\//, '')], count })) };
  const pod = (value) => podLink(cluster, ...value.split('/'));
  return section(`${title} · ${compact(found.total)}`, {},
    h('div', { class: 'grid' },
      part(t('node.by_pod'), ranking(named, pod)),
      part(t('node.by_workload'), ranking(workloads, (value) => events(FAILURES, term('workload', value)))),
      part(t('node.by_reason'), ranking(reasons, (value) => events(FAILURES, term('reason', value))))),
    samples(title, newest),
    more(FAILURES));
}

const part = (title, ...children) => h('div', {}, h('h3', { class: 'part' }, title), children);
const more = (...statements) => h('p', { class: 'more' }, h('a', { href: events(...statements) }, t('node.more')));

function ooms({ pod_ooms: rows }) {
  if (!rows.length) return null;
  return section(t('node.ooms'), {}, table(t('node.ooms'), [
    [t('parts.time'), (row) => when(row.at), 'time'],
    [t('parts.pod'), (row) => (row.pod ? h('a', { href: podLink(row.cluster, row.namespace, row.pod) }, `${row.namespace}/${row.pod}`) : '–')],
    [t('parts.container'), (row) => row.container || '–'],
    [t('parts.process'), (row) => (row.process ? `${row.process}${row.pid ? ` (${row.pid})` : ''}` : '–')],
    [t('parts.count'), (row) => number(row.count), 'number'],
  ], rows), more('class : PodOOM'));
}

function xids({ xids: { total, numbers, newest } }) {
  if (!total) return null;
  return section(t('node.xids', { n: number(total) }), {}, table(t('node.xids', { n: number(total) }), [
    [t('parts.time'), ({ at }) => h('span', { title: instant(at) }, when(at)), 'time'],
    ['Xid', ({ number: xid }) => h('strong', {}, xid ?? '–')],
    [t('parts.count'), ({ count }) => number(count), 'number'],
    [t('parts.message'), ({ message }) => h('span', { class: 'message' }, message.slice(0, 600))],
  ], newest), h('p', { class: 'faint' }, numbers.map(([xid, count]) => `Xid ${xid} ×${number(count)}`).join(' · ')), more('class : NodeGPUXIPError'));
}
