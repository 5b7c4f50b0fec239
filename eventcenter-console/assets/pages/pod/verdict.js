// What is wrong with a Pod, in words: what, since when, how often, and whether it still goes on.

import { h } from '../../lib/dom.js';
import { levelMark, nodeLink } from '../../lib/parts.js';
import { ago, brief, instant, span } from '../../lib/time.js';
import { number, t } from '../../lib/words.js';
import { stateOf } from './life.js';

/** Others beside the first. */
const OTHERS = 6;
/** The finding that tells more of a cause than the restarts themselves. */
const TELLS = { probe: 'probe', out_of_memory: 'out_of_memory' };

/**
 * @param {object} life made ready
 * @param {{ namespace: string, name: string }} pod
 * @param {(finding: object) => void} onLook its events are to be shown
 */
export function verdict(life, pod, onLook) {
  const [first, ...others] = life.findings;
  if (!first) {
    return h('section', { class: 'card verdict well', 'aria-label': t('pod.verdict') },
      h('p', { class: 'verdict-words' }, t('pod.well')), h('p', {}, phase(life)));
  }
  const [over, open] = [true, false].map((is) => others.filter((finding) => Boolean(finding.overcome) === is));
  const items = (findings) => h('ul', { class: 'findings' }, findings.slice(0, OTHERS).map((finding) => other(finding, life, onLook)),
    findings.length > OTHERS && h('li', { class: 'faint' }, t('parts.more', { n: number(findings.length - OTHERS) })));
  const { reason, message } = life.findings.find(({ kind }) => kind === TELLS[first.cause]) ?? first;
  return h('section', { class: `card verdict ${stateOf(first, life) === 'overcome' ? 'well' : levelMark(first.level)}`, 'aria-label': t('pod.verdict') },
    h('p', { class: 'verdict-words' }, badge(first, life), ' ', h('strong', {}, what(first, life)), ' ', h('span', { class: 'when' }, times(first))),
    message && h('p', { class: 'verdict-message' }, reason, ': ', message.slice(0, 300), message.length > 300 ? '…' : ''),
    why(first, pod),
    h('p', { class: 'quick' }, h('button', { onclick: () => onLook(first) }, t('pod.show_events')), h('span', { class: 'faint' }, phase(life))),
    open.length > 0 && items(open),
    over.length > 0 && h('details', { class: 'overcome' }, h('summary', {}, t('pod.overcome', { n: number(over.length) })), items(over)));
}

const other = (finding, life, onLook) =>
  h('li', {}, h('button', { class: 'quiet', onclick: () => onLook(finding) },
    badge(finding, life), ' ', h('strong', {}, what(finding, life)), ' ', h('span', { class: 'when' }, times(finding))));

/** Whether it still goes on. */
function badge(finding, life) {
  const state = stateOf(finding, life);
  const marks = { on: levelMark(finding.level), quiet: 'level-warning', overcome: 'good', gone: 'gone' };
  const text = state === 'quiet' ? t('pod.state.quiet', { span: span(life.now - Date.parse(finding.last)) }) : t(`pod.state.${state}`);
  return h('span', { class: `badge ${marks[state]}` }, text);
}

function what({ kind, container, reason, count }, life) {
  const name = container || t('pod.some_container');
  if (kind === 'restarting' && count === 1) return t('pod.restarted_once', { container: name });
  return t(`pod.finding.${kind}`, { container: name, reason, node: life.node });
}

/** How often, since when, and when last. */
function times({ count, estimated, since, last, every_seconds: every }) {
  const n = `${estimated ? '≥ ' : ''}${number(count)}`;
  const values = { n, since: brief(since), ago: ago(last), every: every ? span(every * 1000) : '' };
  const text = count < 2 && !estimated ? t('pod.once', { at: brief(last), ago: ago(last) }) : every ? t('pod.pace', values) : t('pod.times', values);
  return h('span', { title: `${instant(since)} – ${instant(last)}` }, text);
}

/** Why a container restarts, where events say so, and else where to look: no Event says how a container ended. */
function why({ kind, container, cause }, { namespace, name }) {
  if (cause) return h('p', {}, t(`pod.cause.${cause}`));
  if (kind !== 'restarting' && kind !== 'back_off') return null;
  const word = (text) => (/^[\w.-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);
  const command = `kubectl -n ${word(namespace)} logs ${word(name)} -c ${word(container)} --previous`;
  return h('p', { class: 'quick' }, h('span', {}, t('pod.no_cause')), h('code', {}, command), copy(command));
}

function copy(text) {
  // Browsers give the clipboard to pages of https and of this machine alone.
  if (!navigator.clipboard) return null;
  const button = h('button', { onclick: async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = t('pod.copied');
  } }, t('pod.copy'));
  return button;
}

/** Where it is in its life. */
function phase(life) {
  const { end, containers, steps } = life;
  if (end) return t('pod.phase.ended', { at: brief(end.at), ago: ago(end.at), reason: end.reason });
  const started = containers.map((one) => one.started).filter(Boolean).sort();
  const waits = steps.find((step) => step.open);
  if (waits) return t('pod.phase.waiting', { step: t(`step.${waits.kind}`), since: brief(waits.from) });
  if (!started.length) return t('pod.phase.unknown');
  const n = containers.reduce((sum, one) => sum + one.restarts, 0);
  const estimated = containers.some((one) => one.restarts_estimated);
  return t('pod.phase.started', { at: brief(started[0]), ago: ago(started[0]), n: `${estimated ? '≥ ' : ''}${number(n)}` });
}

/** The beginning: each step behind the one before, as wide as it was long; the slowest is marked. */
export function steps(life, onLook) {
  const total = Math.max(life.steps.reduce((sum, step) => sum + step.took_seconds, 0), 0.001);
  let before = 0;
  return h('ol', { class: 'steps' }, life.steps.map(({ kind, from, until, took_seconds: took, slowest, open }) => {
    const bar = h('i', { class: 'step-bar' });
    bar.style.marginInlineStart = `${(before / total) * 100}%`;
    bar.style.inlineSize = `${Math.max((took / total) * 100, 1)}%`;
    before += took;
    return h('li', { class: open ? 'open' : slowest ? 'slowest' : '' },
      h('button', { class: 'quiet', title: `${instant(from)} – ${instant(until)}`, onclick: () => onLook(Date.parse(from), Date.parse(until)) },
        h('span', {}, t(`step.${kind}`)), h('span', { class: 'step-track', 'aria-hidden': 'true' }, bar), h('b', {}, took < 1 ? `< ${span(1000)}` : span(took * 1000)),
        open ? h('em', { class: 'badge level-error' }, t('pod.still_waiting')) : slowest && h('em', { class: 'badge level-warning' }, t('pod.slowest'))));
  }));
}

/** The whole time of the beginning, for a heading. */
export const beginning = (life) => span(Math.max(life.steps.reduce((sum, step) => sum + step.took_seconds, 0), 0) * 1000);

/** Where the Pod is and to whom it belongs. */
export const node = (cluster, name) => (name ? h('a', { href: nodeLink(cluster, name) }, name) : '–');
