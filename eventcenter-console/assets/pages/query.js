// Custom query: a statement of one's own, `search | select …` or a search alone, as a table, a chart or a number.
//
// The statement that was run, how its result is looked at and sorted, and which saved query it is stand in the URL.

import { Problem, address, get } from '../lib/api.js';
import { copyButton } from '../lib/clipboard.js';
import { h, put } from '../lib/dom.js';
import { grid } from '../lib/grid.js';
import { eventsLink, lacks, nothing } from '../lib/parts.js';
import { pictures } from '../lib/pictures.js';
import { zoom } from '../lib/range.js';
import { savedMenu } from '../lib/saved.js';
import { frame, heading, place, trouble } from '../lib/shell.js';
import { statementField } from '../lib/statement.js';
import { isSign, term, tokens } from '../lib/terms.js';
import { offset } from '../lib/time.js';
import { go, link, scope, view } from '../lib/view.js';
import { many, number, t } from '../lib/words.js';

/** Rows of a result, and events of a search alone; files have all of them. */
const ROWS = 1000;
const EVENTS = 200;
const SHOWS = ['table', 'line', 'bar', 'number'];
/** Columns whose values can be searched for by the same name. */
const KEYS = ['class', 'reason', 'namespace', 'kind', 'node', 'component', 'workload', 'pod'];

const EXAMPLES = [
  ['by_reason', 'level >= Warning | select reason, sum(occurrences) as n\nfrom log group by reason order by n desc limit 20', 'bar'],
  ['over_time', "* | select date_trunc('hour', __time__) as t, level, sum(rise) as n\nfrom occurrences group by t, level order by t", 'line'],
  ['restarts', 'reason : BackOff | select namespace, pod, sum(occurrences) as times, max(time) as last\nfrom log group by namespace, pod order by times desc limit 20', null],
  ['unscheduled', 'reason : FailedScheduling | select count(distinct name) as pods, sum(occurrences) as attempts', 'number'],
  ['oom', 'class : PodOOM | select node, count(distinct pod) as pods, sum(occurrences) as kills, max(time) as last\nfrom log group by node order by kills desc', null],
  ['talkers', '* | select component, count_if(level <> \'Normal\') as bad, sum(occurrences) as n\nfrom log group by component order by n desc', null],
  ['search', 'class : PodImagePullBackOff', 'line'],
];

// What stays while the view changes ------------------------------------------------------------------------------

const field = statementField({ id: 'query', rows: 4, value: view().query ?? '', onRun: run });
const missing = h('div', {});
const result = h('div', { id: 'result' });

put(
  place,
  heading(),
  h('form', { class: 'query', onsubmit: (event) => { event.preventDefault(); run(field.input.value.trim()); } },
    field.field,
    h('div', { class: 'query-bar' },
      h('button', { class: 'primary', title: 'Ctrl+Enter' }, t('query.run')),
      h('span', { class: 'faint keys' }, t('query.keys')),
      h('span', { class: 'gap' }),
      examplesMenu(),
      savedMenu({ kind: 'query', current: () => ({ query: view().query ?? field.input.value.trim(), show: view().show, sort: view().sort }) }))),
  missing,
  result,
);

function example([name, query, show]) {
  const changes = { query, show, sort: null, saved: null };
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.currentTarget.closest('details')?.removeAttribute('open');
    field.input.value = query;
    go(changes);
  };
  return h('li', {}, h('a', { href: link('/query', changes), onclick: open }, t(`query.example.${name}`)), h('pre', {}, query.split('\n').flatMap((line, at) => [at > 0 && h('br'), line])));
}

function examples() {
  return h('ul', { class: 'examples' }, EXAMPLES.map(example));
}

function examplesMenu() {
  return h('details', { class: 'menu', id: 'examples' }, h('summary', {}, t('query.examples')), h('div', { class: 'sheet wide' }, examples()));
}

// What is asked --------------------------------------------------------------------------------------------------

let asked = null;
let ran = null;
let shown = null;

/** The same statement once more is asked anew. */
function run(query) {
  if (query === (view().query ?? '')) return ask();
  // Another statement has other columns.
  go({ query, sort: null, show: null });
}

const params = () => ({ ...scope(), query: view().query });

/** The search before the `|`, and whether there is a `|`. */
function parts(query) {
  const bar = tokens(query).find((token) => isSign(token, '|'));
  return { search: (bar ? query.slice(0, bar.from) : query).trim(), isSelect: Boolean(bar) };
}

function changed() {
  const now = JSON.stringify(params());
  if (now !== ran) return ask();
  if (shown) draw();
}

async function ask() {
  asked?.abort();
  const { signal } = (asked = new AbortController());
  const { query } = params();
  ran = JSON.stringify(params());
  if (document.activeElement !== field.input) field.input.value = query ?? '';
  field.show(null);
  if (!query) {
    shown = null;
    put(missing);
    put(result, h('section', { class: 'card', 'aria-labelledby': 'begin' }, h('h2', { id: 'begin' }, t('query.begin')), h('p', { class: 'faint' }, t('query.hint')), examples()));
    return place.removeAttribute('aria-busy');
  }
  place.setAttribute('aria-busy', 'true');
  const begun = performance.now();
  try {
    const answer = parts(query).isSelect ? await table(signal) : await search(signal);
    if (signal.aborted) return;
    shown = { ...answer, took: performance.now() - begun };
    put(missing, lacks(shown));
    draw();
  } catch (error) {
    if (error.name === 'AbortError' || signal.aborted) return;
    failed(error);
  } finally {
    if (asked.signal === signal) place.removeAttribute('aria-busy');
  }
}

function failed(error) {
  shown = null;
  put(result);
  const isMistake = error instanceof Problem && (error.status === 422 || error.status === 400);
  if (isMistake) field.show(error);
  put(missing, isMistake ? null : trouble(error, ask));
}

async function table(signal) {
  const { columns, rows, truncated, gaps, unread } = await get('query', { ...params(), limit: ROWS }, { signal });
  return { table: { columns, rows }, note: truncated ? t('query.truncated', { n: number(ROWS) }) : null, gaps, unread };
}

/** A search alone: its newest events, and how often over time. */
async function search(signal) {
  const [page, counts] = await Promise.all([
    get('events', { ...params(), limit: EVENTS }, { signal }),
    get('histogram', { ...params(), offset: offset() }, { signal }),
  ]);
  // What says most comes first: not all of it fits.
  const columns = ['time', 'level', 'reason', 'message', 'namespace', 'kind', 'name', 'node', 'occurrences'];
  const rows = page.events.map(({ time, level, reason, object, node, occurrences, message }) =>
    [time, level, reason, message, object.namespace, object.kind, object.name, node, occurrences]);
  const drawn = {
    columns: ['time', 'level', 'occurrences'],
    rows: counts.groups.map(({ at, values: [level], count }) => [at, level, count]),
    step: counts.step_seconds * 1000,
  };
  const total = { columns: [t('query.events')], rows: [[counts.total]] };
  return { table: { columns, rows }, drawn, total, note: page.next ? t('query.newest', { n: number(EVENTS), total: number(counts.total) }) : null, gaps: page.gaps, unread: page.unread };
}

// What is shown --------------------------------------------------------------------------------------------------

function draw() {
  const { table: found, drawn, total, note, took } = shown;
  const { query, show, sort } = view();
  const { search: searched, isSelect } = parts(query);
  const can = pictures(drawn ?? found, { label: t('query.result'), onBrush: zoom });
  if (total) Object.assign(can, { number: pictures(total, {}).number, best: 'table' });
  const now = show === 'table' || can[show] ? show : can.best;
  const choices = SHOWS.map((one) => h('button', {
    type: 'button', 'aria-pressed': String(one === now), disabled: one !== 'table' && !can[one], id: `show-${one}`,
    title: one !== 'table' && !can[one] ? t(`query.cannot.${one}`) : null, onclick: () => go({ show: one }, { replace: true }),
  }, t(`query.show.${one}`)));
  const file = (kind) => h('a', { href: address(`${isSelect ? 'query' : 'export'}.${kind}`, params()), download: `result.${kind}` }, kind.toUpperCase());
  const href = (column, value) => (KEYS.includes(column) && value ? eventsLink(searched, term(column, value)) : null);
  const content = found.rows.length === 0
    ? nothing(t('query.empty'))
    : now === 'table'
      ? grid({ table: found, label: t('query.result'), sort, onSort: (next) => go({ sort: next }, { replace: true }), href })
      : can[now]();
  const focused = document.activeElement?.id;
  put(result, h('section', { class: 'card', 'aria-label': t('query.result') },
    h('div', { class: 'query-bar' },
      h('div', { class: 'quick', role: 'group', 'aria-label': t('query.show_as') }, choices),
      h('span', { class: 'faint', role: 'status', id: 'rows' }, many('query.rows', found.rows.length), ` · ${number(Math.round(took))} ms`),
      h('span', { class: 'gap' }),
      !isSelect && h('a', { href: eventsLink(searched) }, t('query.details')),
      copyButton(t('query.share'), () => location.href),
      file('csv'), file('ndjson')),
    note && h('p', { class: 'notice warn', role: 'note' }, note),
    content));
  if (focused) document.getElementById(focused)?.focus();
}

frame({ onView: changed, onTaste: () => shown && draw() });
addEventListener('refresh', ask);
ask();
