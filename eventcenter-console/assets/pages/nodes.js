// The nodes: which is in trouble, with what, and since when. Those with the worst first.
//
// The view: `name` (a part of it), `fault` (what a node must be in trouble with), `sort`. All nodes are asked for at
// once, and what is narrowed here asks for nothing.

import { get } from '../lib/api.js';
import { add, h, put, s, settled } from '../lib/dom.js';
import { LEVELS, lacks, levelMark, nodeLink, nothing } from '../lib/parts.js';
import { nodeState } from '../lib/node_state.js';
import { frame, heading, place, trouble } from '../lib/shell.js';
import { ago, instant, offset } from '../lib/time.js';
import { go, link, scope, view } from '../lib/view.js';
import { windowed } from '../lib/windowed.js';
import { compact, number, t } from '../lib/words.js';

const SORTS = ['worst', 'name', 'last'];
const NOT_READY = 'not-ready';
const ANY = 'any';

let told = null;

// What stays while the view changes ------------------------------------------------------------------------------

const name = h('input', { id: 'name', type: 'search', autocomplete: 'off', spellcheck: 'false', placeholder: t('nodes.name'), 'aria-label': t('nodes.name'), value: view().name ?? '' });
name.addEventListener('input', settled(() => go({ name: name.value.trim() }, { replace: true }), 150));
const tiles = h('div', { class: 'tiles' });
const faults = h('select', { id: 'fault', 'aria-label': t('nodes.fault'), onchange: () => go({ fault: faults.value }) });
const sort = h('select', { id: 'sort', 'aria-label': t('nodes.sort'), onchange: () => go({ sort: sort.value === SORTS[0] ? null : sort.value }) },
  SORTS.map((one) => h('option', { value: one }, t(`nodes.sort.${one}`))));
const found = h('p', { class: 'faint', role: 'status' });
const missing = h('div', {});
const empty = h('div', {});
const list = windowed({ label: t('nodes.list'), cells });
const head = h('div', { class: 'windowed-head', 'aria-hidden': 'true' },
  ['state', 'node', 'trouble', 'own', 'seen', 'time', 'last'].map((one) => h('span', { class: `n-${one}` }, t(`nodes.column.${one}`))));

put(place, heading(), missing, tiles,
  h('form', { class: 'narrow', role: 'search', onsubmit: (event) => event.preventDefault() }, name, faults, sort, found),
  h('div', { class: 'card node-list' }, head, empty, list.element));

// What is asked --------------------------------------------------------------------------------------------------

let asked = null;
let shown = '';

/** Asks again only if something else is asked for. */
async function run({ quietly = false } = {}) {
  const what = JSON.stringify(scope());
  if (what === shown && !quietly) return draw();
  asked?.abort();
  const { signal } = (asked = new AbortController());
  if (!quietly) place.setAttribute('aria-busy', 'true');
  try {
    told = await get('nodes', { ...scope(), offset: offset() }, { signal });
    told.isMixed = told.nodes.some(({ cluster }) => cluster !== told.nodes[0].cluster);
    shown = what;
    draw();
  } catch (error) {
    if (error.name === 'AbortError') return;
    shown = '';
    put(missing, trouble(error, () => run()));
  } finally {
    if (asked?.signal === signal) place.removeAttribute('aria-busy');
  }
}

// What is shown --------------------------------------------------------------------------------------------------

/** All that a node is in trouble with, by name: conditions that hold now, and known faults of the range. */
const troubles = (node) => [...node.conditions.map(({ kind }) => kind), ...node.faults.map(([fault]) => fault)];
const isTroubled = (node) => node.conditions.length > 0 || node.own.error + node.own.warning > 0;
const fits = (node, fault) =>
  !fault || (fault === NOT_READY ? node.ready === false : fault === ANY ? isTroubled(node) : troubles(node).includes(fault));
/** When its last problem was; of thousands of nodes not all are known more exactly than by their columns. */
const lastBucket = (node) => node.timeline.findLast(([, , warning, error]) => error + warning > 0);
const begin = ([second]) => second * 1000;
const lastAt = (node) => (node.last_problem ? Date.parse(node.last_problem.at) : lastBucket(node) ? begin(lastBucket(node)) : 0);

function draw() {
  const now = view();
  if (!told) return;
  if (document.activeElement !== name) name.value = now.name ?? '';
  drawFaults(now.fault ?? '');
  drawTiles(now.fault ?? '');
  sort.value = SORTS.includes(now.sort) ? now.sort : SORTS[0];
  const part = (now.name ?? '').toLowerCase();
  const rows = told.nodes.filter((node) => fits(node, now.fault) && node.name.toLowerCase().includes(part));
  if (now.sort === 'name') rows.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  if (now.sort === 'last') rows.sort((a, b) => lastAt(b) - lastAt(a));
  put(missing, lacks(told), told.others > 0 && h('p', { class: 'notice warn' }, t('nodes.others', { n: number(told.others) })));
  put(found, t('nodes.found', { n: number(rows.length), all: number(told.nodes.length) }));
  head.hidden = rows.length === 0;
  put(empty, !rows.length && nothing(told.nodes.length ? t('nodes.none_fits') : t('nodes.none')));
  list.show(rows);
}

function drawTiles(fault) {
  const tile = (value, mark, title) => {
    // Their place is kept until they can be counted.
    const count = told && told.nodes.filter((node) => fits(node, value)).length;
    const isChosen = value === fault;
    return h('a', { class: `tile ${count ? mark : ''}`, href: link('/nodes', { name: view().name, sort: view().sort, fault: value }), 'aria-current': isChosen && value ? 'true' : null, onclick: narrow(value) },
      h('span', {}, title), h('b', {}, told ? number(count) : '–'));
  };
  put(tiles, tile('', '', t('nodes.all')), tile(NOT_READY, 'level-error', t('nodes.not_ready')), tile(ANY, 'level-warning', t('nodes.troubled')));
}

const narrow = (fault) => (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go({ fault: view().fault === fault ? null : fault });
};

function drawFaults(chosen) {
  const counts = new Map();
  for (const node of told.nodes) for (const fault of new Set(troubles(node))) counts.set(fault, (counts.get(fault) ?? 0) + 1);
  if (chosen && chosen !== ANY && chosen !== NOT_READY && !counts.has(chosen)) counts.set(chosen, 0);
  const option = (value, text) => h('option', { value, selected: value === chosen }, text);
  put(faults, option('', t('nodes.any_fault')), option(NOT_READY, t('nodes.not_ready')), option(ANY, t('nodes.troubled')),
    [...counts].sort((a, b) => b[1] - a[1]).map(([fault, count]) => option(fault, `${fault} (${number(count)})`)));
}

// A row ----------------------------------------------------------------------------------------------------------

function cells(node) {
  return [
    h('span', { class: 'n-state' }, nodeState(node.ready, node.removed)),
    h('span', { class: 'n-node' }, h('a', { href: nodeLink(node.cluster, node.name), title: node.name }, node.name), told.isMixed && h('span', { class: 'kind' }, ` ${node.cluster}`)),
    h('span', { class: 'n-trouble' }, badges(node)),
    h('span', { class: 'n-own' }, counts(node.own, t('nodes.column.own'))),
    h('span', { class: 'n-seen' }, counts(node.levels, t('nodes.column.seen'))),
    h('span', { class: 'n-time' }, sparkline(node.timeline)),
    h('span', { class: 'n-last' }, last(node)),
  ];
}

const MOST = 2;

function badges(node) {
  const holding = node.conditions.filter(({ kind }) => kind !== 'Ready')
    .map(({ kind, since }) => h('span', { class: 'badge level-error', title: t('nodes.since', { time: instant(since) }) }, kind));
  const happened = node.faults.map(([fault, count]) => h('span', { class: 'badge level-warning', title: t('nodes.times', { n: number(count) }) }, `${fault} ×${compact(count)}`));
  const all = [...holding, ...happened];
  return [all.slice(0, MOST).map((badge) => [badge, ' ']), all.length > MOST && h('span', { class: 'faint', title: troubles(node).join(', ') }, `+${all.length - MOST}`)];
}

function counts({ normal, warning, error }, about) {
  const one = (name, count) => h('span', { class: `count ${count ? levelMark(name) : ''}`, title: `${about}: ${t(`level.${name}`)} ${number(count)}` }, compact(count));
  return [one('Error', error), one('Warning', warning), one('Normal', normal)];
}

function last(node) {
  const { last_problem: problem } = node;
  if (!problem) return h('span', { class: 'faint' }, lastBucket(node) ? `≈ ${ago(begin(lastBucket(node)))}` : '–');
  const { at, reason, message, level } = problem;
  return h('span', { title: `${instant(at)} ${message.slice(0, 1000)}` }, h('strong', { class: levelMark(level) }, reason), ` ${ago(at)} `, h('span', { class: 'faint' }, message.slice(0, 160)));
}

const WIDTH = 120;
const HEIGHT = 26;

/** A column for each bucket, stacked by level. The numbers beside it say the same. */
function sparkline(timeline) {
  const from = Date.parse(told.range.from);
  const until = Math.max(Math.min(Date.parse(told.range.until), Date.now()), from + 1);
  const step = told.step_seconds * 1000;
  const x = (at) => Math.min(Math.max(((at - from) / (until - from)) * WIDTH, 0), WIDTH);
  const sum = ([, ...levels]) => levels.reduce((a, b) => a + b, 0);
  const most = Math.max(1, ...timeline.map(sum));
  const paths = new Map(LEVELS.map((name) => [name, '']));
  for (const bucket of timeline) {
    const left = x(begin(bucket));
    const width = Math.max(x(begin(bucket) + step) - left - 0.5, 1.5);
    let base = HEIGHT;
    // In a bucket they stand in the order of `LEVELS`.
    for (const [at, name] of LEVELS.entries()) {
      const count = bucket[at + 1];
      if (!count) continue;
      const height = Math.max((count / most) * (HEIGHT - 2), 2);
      paths.set(name, `${paths.get(name)}M${left.toFixed(1)} ${base.toFixed(1)}h${width.toFixed(1)}v${(-height).toFixed(1)}h${(-width).toFixed(1)}z`);
      base -= height;
    }
  }
  const picture = s('svg', { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  return add(picture, [...paths].map(([name, d]) => d && s('path', { d, class: `fill ${levelMark(name)}` })));
}

frame({
  onView: () => run(),
  onTaste: () => draw(),
  onAgain: () => view().since && run({ quietly: true }),
});
addEventListener('refresh', () => run({ quietly: true }));
drawTiles(view().fault ?? '');
run();
