// Around every page: cluster, range, what a reader likes, and what has to be known before any number is believed.
//
// A page calls `page` once. It is loaded when it opens, when the view changes, when a moving range has moved, and when
// the reader asks; what was shown stays until the new answer is there.

import { Problem, get } from './api.js';
import { add, h, put } from './dom.js';
import { rangePicker } from './range.js';
import { setLanguage, setTheme, setZone, theme, zone } from './taste.js';
import { zoneName } from './time.js';
import { go, isMoving, link, view } from './view.js';
import { language, t } from './words.js';

const AGAIN = 30_000;
const root = document.getElementById('page');

/**
 * Runs a page.
 *
 * @param {object} page
 * @param {(view: object, signal: AbortSignal) => Promise<T>} page.load asks for what is shown
 * @param {(answer: T, view: object) => (Node | Node[])} page.show
 * @param {boolean} [page.moves] is loaded again by itself while the range ends now; usual
 * @param {boolean} [page.range] shows the range picker; usual
 */
export function page({ load, show, moves = true, range = true }) {
  let asked = null;
  let shown = null;

  async function run({ quietly = false } = {}) {
    asked?.abort();
    const mine = (asked = new AbortController());
    if (!quietly) root.setAttribute('aria-busy', 'true');
    const now = view();
    try {
      const answer = await load(now, mine.signal);
      if (mine.signal.aborted) return;
      shown = { answer, now };
      draw();
    } catch (error) {
      if (mine.signal.aborted || error.name === 'AbortError') return;
      // What is on the page is better than nothing, while it is only not renewed.
      if (quietly && shown) warn(error);
      else put(root, heading(), trouble(error, () => run()));
    } finally {
      if (asked === mine) root.removeAttribute('aria-busy');
    }
  }

  function draw() {
    put(root, heading(), show(shown.answer, shown.now));
  }

  frame({
    range,
    onView: () => run(),
    onTaste: () => shown && draw(),
    onAgain: () => moves && isMoving() && run({ quietly: true }),
  });
  run();
}

/**
 * What is around a page, for one that keeps its own content: tools and notices, and a call when the view has changed
 * (or the reader asks to load again), when times are to be written anew, and each half minute while somebody reads.
 */
export function frame({ range = true, onView, onTaste, onAgain }) {
  tools(range);
  // On a phone the navigation is wider than the window.
  document.querySelector('header nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  begin();
  addEventListener('view', () => {
    tools(range);
    onView();
  });
  addEventListener('refresh', () => onView());
  addEventListener('taste', () => {
    tools(range);
    onTaste?.();
  });
  setInterval(() => {
    const isRead = document.visibilityState === 'visible' && !root.contains(document.activeElement);
    if (isRead) onAgain?.();
  }, AGAIN);
}

/** Loads again what is shown. */
export const refresh = () => dispatchEvent(new Event('refresh'));

/** The words for a problem, and a way to try again. */
export function trouble(error, again) {
  const isProblem = error instanceof Problem;
  if (!isProblem) console.error(error);
  const text = isProblem ? (error.status ? error.message : t('shell.no_answer')) : t('shell.broken');
  return h('div', { class: 'notice bad', role: 'alert' }, h('p', {}, text), again && h('button', { onclick: again }, t('shell.again')));
}

function warn(error) {
  const note = h('div', { class: 'notice warn', id: 'stale' }, error.status ? error.message : t('shell.no_answer'));
  document.getElementById('stale')?.remove();
  root.prepend(note);
}

const title = () => document.title.split(' · ')[0];
export const heading = () => h('h1', {}, title());

/** Where a page puts its content. */
export const place = root;

// Tools ----------------------------------------------------------------------------------------------------------

/** What the document had. */
const known = JSON.parse(document.getElementById('known')?.textContent ?? 'null');
let clusters = known?.store.clusters ?? [];

function tools(range) {
  put(document.getElementById('taste'), taste());
  put(
    document.getElementById('tools'),
    clusterPicker(),
    range && rangePicker(),
    range && h('button', { class: 'quiet', onclick: refresh, title: t('shell.refresh'), 'aria-label': t('shell.refresh') }, '↻'),
  );
  // The navigation leads to the same cluster and range.
  for (const entry of document.querySelectorAll('header nav a, a.brand')) {
    entry.href = link(new URL(entry.href).pathname);
  }
}

function clusterPicker() {
  const chosen = view().cluster ?? '';
  if (clusters.length < 2 && !chosen) return null;
  const known = clusters.map(({ cluster }) => h('option', { value: cluster.id, selected: cluster.id === chosen }, cluster.name || cluster.id));
  const isUnknown = chosen && !clusters.some(({ cluster }) => cluster.id === chosen);
  return h('label', {}, h('span', {}, t('shell.cluster')), h(
    'select',
    { id: 'cluster', onchange: (event) => go({ cluster: event.target.value }) },
    h('option', { value: '' }, t('shell.all_clusters')),
    isUnknown && h('option', { value: chosen, selected: true }, chosen),
    known,
  ));
}

function taste() {
  const chooser = (id, label, now, values, set) =>
    h('select', { id, 'aria-label': label, title: label, onchange: (event) => set(event.target.value) },
      values.map(([value, text]) => h('option', { value, selected: value === now }, text)));
  return [
    chooser('zone', t('shell.zone'), zone(), [['local', zone() === 'local' ? zoneName() : t('time.local')], ['utc', 'UTC']], setZone),
    chooser('theme', t('shell.theme'), theme(), ['auto', 'light', 'dark'].map((one) => [one, t(`theme.${one}`)]), setTheme),
    chooser('language', t('shell.language'), language, [['en', 'English'], ['zh-CN', '简体中文']], setLanguage),
  ];
}

// Notices --------------------------------------------------------------------------------------------------------

/** What is known of the program and the store; `null` until it has answered. */
export let status = known;

/** So often is that renewed. */
const RENEWED = 15_000;

async function notices() {
  const board = document.getElementById('notices');
  try {
    status = await get('status');
    const before = clusters.length;
    clusters = status.store.clusters;
    if (before !== clusters.length && !document.getElementById('tools').contains(document.activeElement)) {
      tools(document.getElementById('range') !== null);
    }
    note(board);
  } catch (error) {
    if (error instanceof Problem && error.status === 0) {
      put(board, h('p', { class: 'notice bad' }, t('shell.no_answer')));
    }
  } finally {
    setTimeout(notices, RENEWED);
  }
}

/** Shows what is known; what is not, is asked for. */
function begin() {
  if (!known) return notices();
  note(document.getElementById('notices'));
  setTimeout(notices, RENEWED);
}

/** A live region is not read out again when nothing has changed. */
function note(board) {
  const found = told(status);
  const texts = (of) => [...of].map((one) => one.textContent).join('\n');
  if (texts(board.children) !== texts(found)) put(board, found);
}

function told({ health, store }) {
  const found = [];
  const note = (mark, ...children) => found.push(add(h('div', { class: `notice ${mark}` }), ...children));
  if (store.clusters.some(({ recorded }) => recorded)) note('', t('shell.recorded'));
  if (!health.ready) note('bad', h('strong', {}, t('shell.not_ready')), ' ', h('a', { href: '/status' }, t('page.status')));
  for (const text of store.set_aside) note('bad', text);
  if (!store.clusters.length) {
    note('', h('p', {}, t('shell.no_events')), h('pre', {}, 'KUBECONFIG=~/.kube/config event-center', h('br', {}), 'event-center --demo'));
  }
  return found;
}

