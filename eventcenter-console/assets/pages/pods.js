// The finder of Pods: by a part of a name, a namespace, a workload or a node, also those that are gone.
//
// The view: `text`, and `level` (`all`; without a text those come first that something is wrong with).

import { get } from '../lib/api.js';
import { h, put, settled } from '../lib/dom.js';
import { eventsLink, lacks, level, levelMark, nodeLink, nothing, podLink, when } from '../lib/parts.js';
import { spoken } from '../lib/range.js';
import { frame, heading, place, trouble } from '../lib/shell.js';
import { ago } from '../lib/time.js';
import { all, go, scope, term, view } from '../lib/view.js';
import { compact, number, t } from '../lib/words.js';

const NOTABLE = 'level >= Warning';

const input = h('input', {
  id: 'text', type: 'search', value: view().text ?? '', placeholder: t('pods.placeholder'), autocomplete: 'off', spellcheck: 'false', maxlength: '300', 'aria-label': t('pods.text'),
});
const only = h('button', { id: 'only', type: 'button', onclick: () => go({ level: isNotable() ? 'all' : 'bad' }) }, t('pods.only_bad'));
const lacking = h('div', {});
// A line from the beginning on, so that nothing moves when it has words.
const summary = h('p', { class: 'faint', role: 'status' }, '\u00a0');
const results = h('div', { class: 'card pods' }, h('div', { class: 'skeleton' }, h('div')));

put(
  place,
  heading(),
  h('form', { class: 'ask', role: 'search', onsubmit: search }, input, h('button', { class: 'primary' }, t('pods.find')), only),
  lacking,
  summary,
  results,
);

/** Whether only Pods are shown that something is wrong with. */
function isNotable() {
  const { text, level: chosen } = view();
  return chosen ? chosen === 'bad' : !text;
}

function search(event) {
  event.preventDefault();
  typed.now();
  // Who has typed enough to find one Pod wants to see it.
  const links = results.querySelectorAll('a.pod');
  if (links.length === 1 && input.value.trim() === (shown ?? '')) links[0].click();
}

const typed = (() => {
  const now = () => go({ text: input.value.trim() || null }, { replace: true });
  return { now, later: settled(now, 200) };
})();
input.addEventListener('input', typed.later);
input.addEventListener('keydown', (event) => {
  if (event.key !== 'ArrowDown') return;
  event.preventDefault();
  results.querySelector('a.pod')?.focus();
});
results.addEventListener('keydown', (event) => {
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = [...results.querySelectorAll('a.pod')];
  const at = links.indexOf(event.target);
  if (!way || at < 0) return;
  event.preventDefault();
  (links[at + way] ?? (way < 0 ? input : links[at])).focus();
});

let asked = null;
let answer = null;
/** The text that the results are about. */
let shown = null;

async function run({ quietly = false } = {}) {
  asked?.abort();
  const mine = (asked = new AbortController());
  const { text = '' } = view();
  if (document.activeElement !== input) input.value = text;
  only.setAttribute('aria-pressed', String(isNotable()));
  if (!quietly) place.setAttribute('aria-busy', 'true');
  try {
    answer = await get('pods', { ...scope(), text, query: isNotable() ? NOTABLE : null }, { signal: mine.signal });
    shown = text;
    draw();
  } catch (error) {
    if (mine.signal.aborted || error.name === 'AbortError' || (quietly && answer)) return;
    put(summary);
    put(results, trouble(error, () => run()));
  } finally {
    if (asked === mine) place.removeAttribute('aria-busy');
  }
}

function draw() {
  const { pods, more } = answer;
  const found = more ? t('pods.found_more', { n: number(pods.length) }) : pods.length === 1 ? t('pods.found_one') : t('pods.found', { n: number(pods.length) });
  put(lacking, lacks(answer));
  put(summary, `${isNotable() ? t('pods.bad') : t('pods.any')} · ${spoken()} · ${found}`);
  put(results, pods.length ? list(pods) : none());
}

/** Nothing was found: what can be tried. */
function none() {
  const { since, level: chosen } = view();
  return h('div', {}, nothing(t('pods.none')), h('p', { class: 'quick' },
    isNotable() && h('button', { onclick: () => go({ level: 'all' }) }, t('pods.try_all')),
    since !== 'all' && h('button', { id: 'all-time', onclick: () => go({ since: 'all', level: chosen }) }, t('pods.try_time'))));
}

function list(pods) {
  const several = new Set(pods.map(({ cluster }) => cluster)).size > 1;
  return h('ul', { class: 'pod-list', 'aria-label': t('page.pods') }, pods.map((pod) => row(pod, several)));
}

function row({ cluster, namespace, name, workload, node, at, level: worst, reason, message, levels }, several) {
  const count = (key, value) => value > 0 && h('span', { class: `badge ${levelMark(key)}`, title: `${t(`level.${key}`)}: ${number(value)}` }, compact(value));
  return h('li', { class: levelMark(worst) },
    h('div', { class: 'pod-who' }, h('a', { class: 'pod', href: podLink(cluster, namespace, name) }, name),
      h('div', { class: 'faint' }, several && `${cluster} · `, namespace,
        workload && [' · ', h('a', { href: eventsLink(all(term('workload', workload), term('namespace', namespace))) }, workload)],
        node && [' · ', h('a', { href: nodeLink(cluster, node) }, node)])),
    h('div', { class: 'pod-what' }, h('div', {}, level(worst), ' ', h('strong', {}, reason)), h('div', { class: 'message' }, message.slice(0, 400))),
    h('div', { class: 'pod-counts' }, count('Error', levels.error), count('Warning', levels.warning), count('Normal', levels.normal)),
    h('div', { class: 'pod-when' }, when(at), h('div', { class: 'faint' }, ago(at))));
}

frame({ onView: () => run(), onTaste: () => answer && draw(), onAgain: () => run({ quietly: true }) });
run();
// On a telephone the keyboard would hide the list.
if (!view().text && !matchMedia('(pointer: coarse)').matches) input.focus();
