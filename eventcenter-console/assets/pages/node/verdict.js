// What is wrong with a node, in words: what holds now and since when, and what else happened in the range.

import { h } from '../../lib/dom.js';
import { levelMark, podLink, when } from '../../lib/parts.js';
import { MINUTE, ago, instant, span } from '../../lib/time.js';
import { number, t } from '../../lib/words.js';

/** What occurred so short ago may still go on. */
const RECENT = 30 * MINUTE;
const MOST = 8;
/** Lanes whose Events have a sentence of their own. */
const TOLD = ['oom', 'gpu'];

/**
 * @param {object} node as `nodes/{cluster}/{name}` tells it
 * @param {number} until when the answer was made, or where its range ends
 */
export function verdict(node, until) {
  const held = node.conditions.filter(({ is_bad: bad }) => bad).sort((a, b) => (b.kind === 'Ready') - (a.kind === 'Ready'));
  const findings = [...held.map((one) => condition(one, until)), ...happened(node)];
  const now = findings.filter(({ holds, last }) => holds || until - last <= RECENT);
  const before = findings.filter((one) => !now.includes(one)).sort((a, b) => b.last - a.last);
  const mark = now.some(({ level }) => level === 'Error') ? levelMark('Error') : now.length ? levelMark('Warning') : node.removed ? '' : 'well';
  return h('section', { class: `card verdict ${mark}`, 'aria-label': t('node.verdict') },
    node.removed && removed(node.removed, until),
    now.length ? now.slice(0, MOST).map((one) => sentence(one)) : !node.removed && h('p', { class: 'verdict-words' }, well(node)),
    now.length > MOST && h('p', { class: 'faint' }, t('parts.more', { n: number(now.length - MOST) })),
    before.length > 0 && [h('h2', { class: 'before' }, t('node.before')), h('ul', { class: 'findings' }, before.slice(0, MOST).map((one) => h('li', {}, sentence(one))),
      before.length > MOST && h('li', { class: 'faint' }, t('parts.more', { n: number(before.length - MOST) })))]);
}

const sentence = ({ level, text, times, message, also }) =>
  h('div', { class: 'finding' },
    h('p', { class: 'verdict-words' }, h('i', { class: `swatch ${levelMark(level)}` }), ' ', h('strong', {}, text), ' ', h('span', { class: 'when' }, times)),
    message && h('p', { class: 'faint said' }, message.slice(0, 300), message.length > 300 ? '…' : ''),
    also);

const removed = (at, now) => sentence({ level: 'Normal', text: t('node.removed'), times: h('span', { title: instant(at) }, t('node.since', { time: instant(at), span: span(now - Date.parse(at)) })) });

function well({ own, levels, conditions }) {
  if (own.normal + own.warning + own.error + levels.normal + levels.warning + levels.error === 0) return t('node.silent');
  return conditions.some(({ kind }) => kind === 'Ready') ? t('node.well') : t('node.well_unsaid');
}

function condition({ kind, since, until: last, reason, message }, now) {
  const text = kind === 'Ready' ? t('node.not_ready') : kind === 'Unschedulable' ? t('node.cordoned') : kind;
  const repeated = Date.parse(last) > Date.parse(since) ? ` · ${t('node.said_again', { ago: ago(last) })}` : '';
  const times = h('span', { title: instant(since) }, t('node.since', { time: instant(since), span: span(now - Date.parse(since)) }), repeated);
  return { holds: true, level: kind === 'Unschedulable' ? 'Warning' : 'Error', last: Date.parse(last), text, times, message: `${reason}: ${message}` };
}

/** Problems that are no condition, by reason: known faults and warnings of the Node itself, kills, GPU faults, Pods. */
function happened(node) {
  const found = [];
  const [ooms, xids] = [node.pod_ooms, node.xids];
  const points = (kind) => node.lanes.find((lane) => lane.kind === kind)?.points.filter(({ level }) => level !== 'Normal') ?? [];
  const kills = points('oom');
  if (kills.length || ooms.length) {
    const all = kills.length ? kills : ooms.map(({ at, count }) => ({ from: at, until: at, count }));
    const pods = new Map(ooms.filter(({ pod }) => pod).map((one) => [`${one.namespace}/${one.pod}`, one]));
    const links = [...pods].slice(0, 3).map(([name, { cluster, namespace, pod }], index) => [index > 0 && ', ', h('a', { href: podLink(cluster, namespace, pod) }, name)]);
    found.push({ ...spread(all), level: 'Error', text: t('node.oom'), also: links.length > 0 && h('p', { class: 'said' }, t('node.oom_pods'), ' ', links) });
  }
  const faults = points('gpu');
  if (faults.length) {
    const numbers = xids.numbers.slice(0, 5).map(([xid, count]) => `Xid ${xid} ×${number(count)}`).join(', ');
    found.push({ ...spread(faults), level: 'Error', text: t('node.gpu'), also: numbers && h('p', { class: 'said' }, numbers) });
  }
  const held = new Set(node.conditions.filter(({ is_bad: bad }) => bad).map(({ reason }) => reason));
  const reasons = new Map();
  for (const { kind, points: said } of node.lanes) {
    for (const point of said) {
      if (point.level === 'Normal' || TOLD.includes(kind) || held.has(point.reason)) continue;
      reasons.set(point.reason, [...(reasons.get(point.reason) ?? []), point]);
    }
  }
  for (const [reason, said] of reasons) {
    const newest = said.reduce((a, b) => (Date.parse(b.until) > Date.parse(a.until) ? b : a));
    found.push({ ...spread(said), level: said.some(({ level }) => level === 'Error') ? 'Error' : 'Warning', text: reason, message: newest.message });
  }
  return found;
}

/** How often, from when until when. */
function spread(points) {
  const first = Math.min(...points.map(({ from }) => Date.parse(from)));
  const last = Math.max(...points.map(({ until }) => Date.parse(until)));
  const count = points.reduce((sum, one) => sum + one.count, 0);
  const times = count === 1 ? [when(last), ` · ${ago(last)}`] : t('node.times', { n: number(count), since: instant(first), ago: ago(last) });
  return { last, times };
}
