// Details: every event that a statement finds, how often over time, and by what it can be narrowed.

import { Problem, address, get } from '../lib/api.js';
import { bars } from '../lib/chart.js';
import { h, put } from '../lib/dom.js';
import { eventPanel } from '../lib/event.js';
import { liveTail } from '../lib/live.js';
import { LEVELS, lacks, level, levelSeries } from '../lib/parts.js';
import { zoom } from '../lib/range.js';
import { rowList } from '../lib/rows.js';
import { frame, heading, place, trouble } from '../lib/shell.js';
import { statementField, terms, withTerm, without } from '../lib/statement.js';
import { brief, instant, offset } from '../lib/time.js';
import { go, scope, term, view } from '../lib/view.js';
import { compact, many, number, t } from '../lib/words.js';

const FACETS = ['level', 'class', 'reason', 'namespace', 'workload', 'kind', 'node', 'component'];

const params = () => ({ ...scope(), query: view().query, order: view().order });

// What stays while the view changes ------------------------------------------------------------------------------

const field = statementField({ id: 'query', value: view().query ?? '', onRun: (query) => go({ query, open: null }) });
const chips = h('div', { class: 'chips' });
const summary = h('p', { class: 'faint', role: 'status' });
const histogram = h('div', { class: 'card', id: 'histogram' });
const facets = h('aside', { class: 'facets', 'aria-label': t('events.facets') });
const missing = h('div', {});
const list = rowList({ params, cells, label: t('events.list'), empty: t('events.none_hint'), onOpen: (row) => go({ open: `${row.cluster.id}/${row.uid}` }), onTrouble: failed });
const tail = liveTail({ onRows: (rows) => list.arrived(rows), isFollowed: () => list.isAtTop() && newest() });
const panel = eventPanel({ onClose: () => go({ open: null }) });
const newest = () => (view().order ?? 'newest') === 'newest';

put(
  place,
  heading(),
  h('form', { class: 'ask', role: 'search', onsubmit: (event) => { event.preventDefault(); go({ query: field.input.value.trim(), open: null }); } },
    field.field, h('button', { class: 'primary' }, t('events.search'))),
  chips,
  missing,
  histogram,
  h('div', { class: 'columns' },
    h('details', { class: 'facet-box', open: innerWidth > 720 }, h('summary', {}, t('events.facets')), facets),
    h('div', { class: 'results' },
      h('div', { class: 'results-bar' }, summary, h('span', { class: 'gap' }), tail.controls, order(), exports()),
      h('div', { class: 'row row-head', 'aria-hidden': 'true' }, ['time', 'level', 'reason', 'object', 'count', 'message'].map((name) => h('span', { class: `c-${name}` }, t(`parts.${name}`)))),
      list.box)),
  panel.element,
);

function cells(row) {
  const { kind, namespace, name } = row.object;
  return [
    h('span', { class: 'c-time', title: instant(row.time) }, brief(row.time)),
    h('span', { class: 'c-level' }, level(row.level)),
    h('span', { class: 'c-reason', title: row.class ?? null }, row.reason),
    h('span', { class: 'c-object', title: `${kind} ${namespace}/${name}` }, h('i', { class: 'kind' }, `${kind} `), namespace ? `${namespace}/${name}` : name),
    h('span', { class: 'c-count', title: row.estimated ? t('events.estimated') : null }, row.estimated ? '≥ ' : '', compact(row.occurrences)),
    h('span', { class: 'c-message' }, row.message.slice(0, 400)),
  ];
}

function order() {
  return h('select', { 'aria-label': t('events.order'), id: 'order', onchange: (event) => go({ order: event.target.value === 'newest' ? null : event.target.value }) },
    ['newest', 'oldest'].map((one) => h('option', { value: one, selected: one === (view().order ?? 'newest') }, t(`events.${one}`))));
}

function exports() {
  const offered = (kind) => h('a', { href: address(`export.${kind}`, params()), download: `events.${kind}`, onclick: (event) => { event.currentTarget.href = address(`export.${kind}`, params()); } }, kind.toUpperCase());
  return h('details', { class: 'menu' }, h('summary', {}, t('events.export')), h('div', { class: 'sheet quick' }, offered('csv'), offered('ndjson')));
}

// What is asked --------------------------------------------------------------------------------------------------

let asked = null;
let shown = '';

async function run() {
  const now = view();
  panel.show(now.open ?? null);
  // Opening a row changes the view, and nothing that is asked for.
  const what = JSON.stringify(params());
  if (what === shown) return;
  shown = what;
  await ask();
}

async function ask() {
  asked?.abort();
  const { signal } = (asked = new AbortController());
  if (document.activeElement !== field.input) field.input.value = view().query ?? '';
  field.show(null);
  drawChips();
  place.setAttribute('aria-busy', 'true');
  try {
    const { order: _, ...counted } = params();
    const [page, counts, found] = await Promise.all([
      list.load(signal),
      get('histogram', { ...counted, offset: offset() }, { signal }),
      get('facets', { ...counted, by: FACETS.join(','), top: 8 }, { signal }),
    ]);
    drawHistogram(counts);
    drawFacets(found);
    put(missing, lacks(page));
    put(summary, counts.total ? many('parts.events', counts.total) : t('events.none'));
    tail.start({ query: view().query, cluster: view().cluster });
  } catch (error) {
    if (error.name !== 'AbortError') failed(error);
  } finally {
    if (asked?.signal === signal) place.removeAttribute('aria-busy');
  }
}

function failed(error) {
  shown = '';
  if (error instanceof Problem && error.status === 422) return field.show(error);
  put(missing, trouble(error, ask));
}

function drawHistogram({ range, step_seconds: seconds, groups, total }) {
  const step = seconds * 1000;
  const buckets = new Map();
  for (const { values: [name], at, count } of groups) {
    const from = Date.parse(at);
    if (!buckets.has(from)) buckets.set(from, { at: from, values: LEVELS.map(() => 0) });
    buckets.get(from).values[LEVELS.indexOf(name)] += count;
  }
  const sorted = [...buckets.values()].sort((a, b) => a.at - b.at);
  const until = Date.parse(range.until);
  put(histogram, bars({
    label: t('events.histogram'), series: levelSeries(), buckets: sorted, step, height: 120,
    from: Date.parse(range.from), until: until > Date.now() ? Math.max(Date.now(), (sorted.at(-1)?.at ?? 0) + step) : until, onBrush: zoom,
  }));
  list.expect(sorted.map(({ at, values }) => ({ at, step, count: values.reduce((a, b) => a + b, 0) })), total);
}

// Narrowing ------------------------------------------------------------------------------------------------------

const narrow = (change) => go({ query: change(view().query ?? ''), open: null });

function drawChips() {
  const query = view().query ?? '';
  const found = terms(query);
  put(chips, (found.length > 1 || /^(not )?[\w.]+ : /.test(query)) && found.map((one) =>
    h('span', { class: 'chip mono' }, one.slice(0, 120), h('button', { 'aria-label': t('events.remove', { term: one }), title: t('events.remove', { term: one }), onclick: () => narrow((now) => without(now, one)) }, '×'))));
}

function drawFacets({ facets: all }) {
  const group = ({ by, groups, others, total }) => {
    const named = groups.filter(({ values: [value] }) => value);
    if (!named.length) return null;
    return h('section', {}, h('h3', {}, t(`facet.${by}`)), h('ul', {}, named.map(({ values: [value], count }) => facet(by, value, count, total))),
      others > 0 && h('p', { class: 'faint' }, `${t('parts.others')} ${number(others)}`));
  };
  put(facets, all.map(group));
}

function facet(by, value, count, total) {
  const one = term(by, value);
  const include = () => narrow((now) => withTerm(now, one));
  const exclude = () => narrow((now) => withTerm(now, `not ${one}`));
  const bar = h('i', { class: 'bar', 'aria-hidden': 'true' });
  bar.style.inlineSize = `${Math.max((count / Math.max(total, 1)) * 100, 1)}%`;
  return h('li', {},
    h('button', { class: 'quiet only', title: t('events.only', { value }), onclick: (event) => (event.altKey ? exclude() : include()) },
      h('span', {}, by === 'level' ? level(value) : value), h('b', {}, compact(count))),
    h('button', { class: 'quiet not', title: t('events.not', { value }), 'aria-label': t('events.not', { value }), onclick: exclude }, '−'), bar);
}

// Around it ------------------------------------------------------------------------------------------------------

document.addEventListener('keydown', (event) => {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? '');
  if (event.key === '/' && !isTyping) {
    event.preventDefault();
    field.input.focus();
  }
  if (event.key === 'Escape' && view().open) go({ open: null });
});

// Before `frame` listens to the same event.
addEventListener('refresh', () => { shown = ''; });
frame({ onView: run, onTaste: () => { shown = ''; run(); } });
run();
