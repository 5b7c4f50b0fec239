// One event, opened: its fields, when it occurred, what happened around it, and the document as Kubernetes gave it.

import { get } from './api.js';
import { bars } from './chart.js';
import { copyButton } from './clipboard.js';
import { h, plainLines, put } from './dom.js';
import { eventsLink, lacks, level, levelMark, nodeLink, objectLink, podLink, when } from './parts.js';
import { bounds } from './range.js';
import { trouble } from './shell.js';
import { MINUTE, ago, instant, span } from './time.js';
import { all, link, scope, term, view } from './view.js';
import { many, number, t } from './words.js';

const AROUND = 10 * MINUTE;
/** Of a document, so much is shown until the rest is asked for: a message may be a megabyte. */
const SHOWN = 20_000;

/** @param {{ onClose: () => void }} panel */
export function eventPanel({ onClose }) {
  const body = h('div', { class: 'panel-body' });
  const close = h('button', { class: 'quiet', 'aria-label': t('event.close'), title: t('event.close'), onclick: onClose }, '×');
  const element = h('section', { class: 'panel', 'aria-label': t('event.title'), hidden: true, tabindex: '-1' }, h('div', { class: 'panel-head' }, h('h2', {}, t('event.title')), close), body);
  let shown = null;

  /** @param {string | null} which as `idOf` says it */
  async function show(which) {
    if (which === shown) return;
    shown = which;
    element.hidden = !which;
    document.body.classList.toggle('has-panel', Boolean(which));
    if (!which) return;
    put(body, h('div', { class: 'skeleton' }, h('div')));
    const path = `events/${which}`;
    const { since, from, until } = scope();
    // A link may be older than what `since` reaches.
    const anywhere = (error) => (error.status === 404 ? get(path, { since: 'all' }) : Promise.reject(error));
    try {
      const found = await get(path, { since, from, until }).catch(anywhere);
      if (shown === which) put(body, told(found));
    } catch (error) {
      if (shown === which) put(body, trouble(error, () => { shown = null; show(which); }));
    }
  }

  return { element, show };
}

function told(answer) {
  const { event, occurrences } = answer;
  const { object } = event;
  const pod = event.pod ?? (object.kind === 'Pod' ? object : null);
  const row = (name, value) => value && h('div', {}, h('dt', {}, name), h('dd', {}, value));
  return [
    h('p', {}, level(event.level), ' ', h('strong', {}, event.reason), event.class && h('span', { class: 'badge' }, event.class)),
    h('p', { class: 'panel-message' }, long(event.message)),
    lacks(answer),
    h('dl', { class: 'fields' },
      row(t('event.object'), [h('span', { class: 'kind' }, `${object.kind} `), objectLink({ cluster: event.cluster.id, ...object })]),
      row(t('event.pod'), pod && object.kind !== 'Pod' && h('a', { href: podLink(event.cluster.id, pod.namespace, pod.name) }, `${pod.namespace}/${pod.name}`)),
      row(t('event.workload'), event.workload && h('a', { href: eventsLink(...ofWorkload(event)) }, event.workload)),
      row(t('event.node'), event.node && h('a', { href: nodeLink(event.cluster.id, event.node) }, event.node)),
      row(t('event.field'), object.fieldPath),
      row(t('event.component'), event.component),
      row(t('event.action'), event.action),
      row(t('event.last'), [when(event.time), h('span', { class: 'faint' }, ` ${ago(event.time)}`)]),
      row(t('event.first'), event.first && event.first !== event.time && [when(event.first), h('span', { class: 'faint' }, ` ${t('event.over', { span: span(Date.parse(event.time) - Date.parse(event.first)) })}`)]),
      row(t('event.received'), when(event.received)),
      row(t('event.occurrences'), [event.estimated ? '≥ ' : '', many('event.times', event.occurrences), event.count > event.occurrences && h('span', { class: 'faint' }, ` ${t('event.count', { n: number(event.count) })}`)]),
      row(t('event.cluster'), event.cluster.name || event.cluster.id),
      row('uid', h('span', { class: 'mono' }, event.uid))),
    around(event, pod),
    occurrences.length > 1 && chart(event, occurrences),
    h('h3', {}, t('event.document')),
    h('div', { class: 'quick' }, copyButton(t('event.copy_document'), () => JSON.stringify(event.document, null, 2)), copyButton(t('event.copy_link'), lasting)),
    documentBox(event.document),
  ];
}

/** The address of this view that will show the same tomorrow. */
function lasting() {
  const url = new URL(location.href);
  const { from, until } = bounds();
  if (view().since && from !== null) {
    url.searchParams.delete('since');
    url.searchParams.delete('live');
    url.searchParams.set('from', new Date(from).toISOString());
    url.searchParams.set('until', new Date(until).toISOString());
  }
  return url.href;
}

/** A text that may be long: its beginning, and the rest when it is asked for. */
function long(text) {
  if (text.length <= 2000) return text;
  const box = h('span', {}, text.slice(0, 2000), '… ');
  box.append(h('button', { onclick: () => put(box, text) }, t('event.all', { n: number(text.length) })));
  return box;
}

function documentBox(value) {
  const text = plainLines(JSON.stringify(value, null, 2));
  const box = h('pre', { class: 'document', tabindex: '0' });
  box.textContent = text.slice(0, SHOWN);
  if (text.length <= SHOWN) return box;
  const rest = h('button', { onclick: () => { box.textContent = text; rest.remove(); } }, t('event.all', { n: number(text.length) }));
  return [box, rest];
}

const ofWorkload = ({ workload, object }) => [term('workload', workload), object.namespace && term('namespace', object.namespace)];

/** What happened to the same object, node and workload ten minutes before and after. */
function around(event, pod) {
  const { time, object, node, workload, cluster } = event;
  const at = Date.parse(time);
  const range = { from: new Date(at - AROUND).toISOString(), until: new Date(at + AROUND).toISOString() };
  const to = (label, query) => h('a', { href: link('/events', { ...range, query, cluster: cluster.id }) }, label);
  return h('div', { class: 'quick around' }, h('span', { class: 'faint' }, t('event.around')),
    to(t('event.around_object'), all(term('kind', object.kind), term('name', object.name), object.namespace && term('namespace', object.namespace))),
    workload && to(t('event.around_workload'), all(...ofWorkload(event))),
    node && to(t('event.around_node'), term('node', node)),
    object.namespace && to(t('event.around_namespace'), term('namespace', object.namespace)),
    pod && h('a', { href: podLink(cluster.id, pod.namespace, pod.name) }, t('event.life')));
}

function chart(event, occurrences) {
  const { from: asked, until: end } = bounds();
  const first = Date.parse(occurrences[0].at);
  const last = Date.parse(occurrences.at(-1).at);
  const from = Math.max(asked ?? first, first);
  const step = Math.max(Math.ceil((Math.min(end, last) - from) / 60), 1000);
  const buckets = new Map();
  for (const { at, rise } of occurrences) {
    const bucket = from + Math.floor((Date.parse(at) - from) / step) * step;
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + rise);
  }
  return h('section', {}, h('h3', {}, t('event.when')), bars({
    label: t('event.when'), series: [{ name: t('event.occurrences'), mark: levelMark(event.level) }], step, from, until: from + step * 61, height: 90,
    buckets: [...buckets].sort(([a], [b]) => a - b).map(([at, count]) => ({ at, values: [count] })),
  }), h('p', { class: 'faint' }, `${instant(first)} – ${instant(last)}`));
}
