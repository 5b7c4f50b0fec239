// Details: every event that a statement finds, how often over time, and by what it can be narrowed.
//
// The parts stay while the view changes; each is filled when its answer is there. Opening an event changes the view
// too, and asks for nothing else anew.

import { Problem, address, get } from '../lib/api.js';
import { bars } from '../lib/chart.js';
import { h, put, settled } from '../lib/dom.js';
import { eventPanel } from '../lib/event.js';
import { idOf } from '../lib/feed.js';
import { liveTail } from '../lib/live.js';
import { COUNTED_WITH, narrowing } from '../lib/narrow.js';
import { LEVELS, lacks, level, levelSeries, nothing } from '../lib/parts.js';
import { zoom } from '../lib/range.js';
import { rowList } from '../lib/rows.js';
import { savedMenu } from '../lib/saved.js';
import { frame, heading, place, trouble } from '../lib/shell.js';
import { statementField } from '../lib/statement.js';
import { brief, instant, offset } from '../lib/time.js';
import { drawnUntil, stacked } from '../lib/trend.js';
import { go, scope, view } from '../lib/view.js';
import { compact, many, t } from '../lib/words.js';

/** While events arrive, so often (milliseconds) are they counted anew. */
const COUNTED = 5000;
const COLUMNS = ['time', 'level', 'reason', 'object', 'count', 'message'];

const statement = () => view().query ?? '';
const order = () => (view().order === 'oldest' ? 'oldest' : 'newest');
const counted = () => ({ ...scope(), query: statement() });
const listed = () => ({ ...counted(), order: order() });
/** What is live ends now, and shows the newest first. */
const isLive = () => Boolean(view().live) && !view().until && order() === 'newest';
const ask = (query) => go({ query, open: null });
// With an event open, the keys lead from one to the next.
const moved = settled((row) => view().open && go({ open: idOf(row) }, { replace: true }), 120);

// The parts ------------------------------------------------------------------------------------------------------

const field = statementField({ id: 'query', value: statement(), onRun: ask });
const narrow = narrowing({ onChange: (change) => ask(change(statement())) });
const missing = h('div', {});
const histogram = h('div', { class: 'card', id: 'histogram' }, h('div', { class: 'skeleton', 'aria-hidden': 'true' }, h('div')));
const summary = h('p', { class: 'faint', id: 'summary', role: 'status' });
const list = rowList({ label: t('events.list'), cells, onOpen: open, onMove: moved, onScroll: told, onTrouble: failed });
const tail = liveTail({ onToggle: toggleLive, onRows: arrived, onMissed: again, isFollowed: list.isAtTop });
const panel = eventPanel({ onClose: close });
const orders = h('select', { id: 'order', 'aria-label': t('events.order'), onchange: () => go({ order: orders.value === 'oldest' ? 'oldest' : null }) },
  ['newest', 'oldest'].map((one) => h('option', { value: one }, t(`events.${one}`))));
const exported = ['csv', 'ndjson'].map((kind) => [kind, h('a', { download: `events.${kind}` }, kind.toUpperCase())]);
const results = h('div', { class: 'results' },
  h('div', { class: 'results-bar' }, summary, h('span', { class: 'gap' }), tail.controls, orders,
    h('details', { class: 'menu', id: 'export' }, h('summary', {}, t('events.export')), h('div', { class: 'sheet quick' }, exported.map(([, link]) => link)))),
  h('div', { class: 'row row-head', 'aria-hidden': 'true' }, COLUMNS.map((name) => h('span', { class: `c-${name}` }, t(`parts.${name}`)))),
  list.element);
const columns = h('div', { class: 'columns' },
  h('details', { class: 'facet-box', open: !matchMedia('(max-width: 45rem)').matches }, h('summary', {}, t('events.narrow')), narrow.facets),
  results);

put(
  place,
  heading(),
  h('div', { class: 'ask-bar' },
    h('form', { class: 'ask', role: 'search', onsubmit: (event) => { event.preventDefault(); ask(field.input.value.trim()); } },
      field.field, h('button', { class: 'primary' }, t('events.search'))),
    savedMenu({ kind: 'query', current: () => ({ query: view().query ?? field.input.value.trim(), order: view().order }) })),
  narrow.chips,
  missing,
  histogram,
  columns,
  panel.element,
);

/** What is said where nothing matches. */
const hint = () => [nothing(t('events.none_hint')), view().since !== 'all' && h('button', { type: 'button', onclick: () => go({ since: 'all', from: null, until: null }) }, t('events.everywhere'))];

function cells(row) {
  const { kind, namespace, name } = row.object;
  const object = namespace ? `${namespace}/${name}` : name;
  return [
    h('span', { class: 'c-time', title: instant(row.time) }, brief(row.time)),
    h('span', { class: 'c-level' }, level(row.level)),
    h('span', { class: 'c-reason', title: row.class ? `${row.reason} · ${row.class}` : row.reason }, row.reason),
    h('span', { class: 'c-object', title: `${kind} ${object}` }, h('span', { class: 'kind' }, `${kind} `), object),
    h('span', { class: 'c-count', title: row.estimated ? t('events.estimated') : null }, row.estimated ? '≥ ' : '', compact(row.occurrences)),
    h('span', { class: 'c-message' }, row.message),
  ];
}

// Asking ---------------------------------------------------------------------------------------------------------

let asked = null;
/** What the parts show, or were asked to: the view without what only opens an event. */
let shown = { of: null, isLive: false };
let total = null;

function viewed() {
  panel.show(view().open ?? null);
  list.mark(view().open ?? null);
  const [of, live] = [JSON.stringify(listed()), isLive()];
  if (of === shown.of && !live) {
    tail.stop();
    shown.isLive = false;
  } else if (of !== shown.of || !shown.isLive) {
    shown = { of, isLive: live };
    run();
  }
}

/** Asks for everything anew. */
function again() {
  shown = { of: JSON.stringify(listed()), isLive: isLive() };
  run();
}

async function run() {
  asked?.abort();
  const { signal } = (asked = new AbortController());
  if (document.activeElement !== field.input) field.input.value = statement();
  field.show(null);
  narrow.showTerms(statement());
  orders.value = order();
  for (const [kind, link] of exported) link.href = address(`export.${kind}`, listed());
  place.setAttribute('aria-busy', 'true');
  tail.stop();
  // What is taken while the list is read arrives as well.
  if (isLive()) await tail.start({ ...counted(), until: null });
  const page = list.load(listed(), signal, hint);
  const parts = await Promise.allSettled([
    page.then((answer) => put(missing, lacks(answer))),
    count(signal, page),
  ]);
  if (signal.aborted) return;
  place.removeAttribute('aria-busy');
  const failure = parts.find(({ status }) => status === 'rejected');
  if (failure) failed(failure.reason);
  // What is shown belongs to another statement.
  for (const part of [histogram, narrow.facets, results]) part.classList.toggle('stale', Boolean(failure));
  histogram.hidden = total === null;
  columns.hidden = Boolean(failure) && total === null;
  // Of nothing there is nothing to narrow.
  columns.classList.toggle('bare', !failure && total === 0);
}

/** How often, over time and by what it can be narrowed by. */
async function count(signal, page) {
  const of = counted();
  const answer = await get('histogram', { ...of, ...COUNTED_WITH, offset: offset() }, { signal });
  const { step_seconds: seconds, groups, range } = answer;
  const step = seconds * 1000;
  const sorted = stacked(LEVELS.length, groups.map(({ values: [name], at, count: occurrences }) => [at, LEVELS.indexOf(name), occurrences]));
  const until = drawnUntil(range, sorted, step);
  put(histogram, bars({ label: t('events.histogram'), series: levelSeries(), buckets: sorted, step, from: Date.parse(range.from), until, height: 120, onBrush: zoom }));
  const narrowed = narrow.show(answer.facets, of, signal);
  await page;
  total = answer.total;
  list.expect(sorted.map(({ at, values }) => ({ at, step, count: values.reduce((a, b) => a + b, 0) })), total);
  told();
  await narrowed;
}

/** How much there is; how many events that are is known when the list is held from end to end. */
function told() {
  if (total === null) return;
  const { held } = list;
  const text = total === 0 ? t('events.none') : many('events.occurred', total);
  const whole = held.isWhole && held.rows.length ? ` · ${many('parts.events', held.rows.length)}` : '';
  if (summary.textContent !== text + whole) put(summary, text + whole);
}

function failed(error) {
  if (error.name === 'AbortError') return;
  if (error instanceof Problem && error.status === 422) field.show(error);
  else put(missing, trouble(error, again));
}

// The live tail --------------------------------------------------------------------------------------------------

function toggleLive() {
  if (isLive()) go({ live: null }, { replace: true });
  // What ends at some time is left for the last hour.
  else go({ live: '1', order: null, ...(view().until ? { since: '1h' } : {}) }, { replace: true });
}

let counting = null;

function arrived(rows) {
  if (!list.held.isHead) return again();
  list.arrived(rows);
  list.toTop();
  counting ??= setTimeout(() => {
    counting = null;
    if (!isLive()) return;
    const { signal } = asked;
    count(signal).catch(failed);
  }, COUNTED);
}

// One event ------------------------------------------------------------------------------------------------------

function open(row) {
  go({ open: idOf(row) });
}

function close() {
  go({ open: null });
  list.focus();
}

document.addEventListener('keydown', (event) => {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? '');
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    field.input.focus();
    field.input.select();
  } else if (event.key === 'Escape' && view().open) {
    close();
  }
});

frame({
  onView: viewed,
  onTaste: () => {
    list.renew();
    again();
  },
});
addEventListener('refresh', again);
// Back from another page, which the browser had kept this one behind: the tail had ended.
addEventListener('pageshow', ({ persisted }) => persisted && again());
viewed();
