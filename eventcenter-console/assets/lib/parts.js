// Parts that several pages show: levels, rankings, tables of events, what an answer lacks.

import { h } from './dom.js';
import { brief, instant } from './time.js';
import { all, link, term } from './view.js';
import { many, number, t } from './words.js';

/** From the bottom of a stack up. */
export const LEVELS = ['Normal', 'Warning', 'Error'];

/** The class of the style sheet that colours a level. */
export const levelMark = (level) => `level-${String(level).toLowerCase()}`;

/** A level, in colour and in words. */
export const level = (name) => h('span', { class: `badge ${levelMark(name)}` }, LEVELS.includes(name) ? t(`level.${name}`) : name);

/** The series of a chart that is stacked by level. */
export const levelSeries = () => LEVELS.map((name) => ({ name: t(`level.${name}`), mark: levelMark(name) }));

/** A time that says it in full when asked. */
export const when = (at) => h('time', { datetime: new Date(at).toISOString(), title: instant(at) }, brief(at));

/** A part of a page, with its heading. */
export function section(title, attributes, ...children) {
  const id = `s${(sections += 1)}`;
  return h('section', { 'aria-labelledby': id, ...attributes, class: `card ${attributes?.class ?? ''}` }, h('h2', { id }, title), children);
}

let sections = 0;

/** Nothing is there, and why that may be. */
export const nothing = (text) => h('p', { class: 'nothing' }, text);

/** The page of a Pod. */
export const podLink = (cluster, namespace, name) =>
  link(`/pods/${[cluster, namespace, name].map(encodeURIComponent).join('/')}`);

/** The page of a node. */
export const nodeLink = (cluster, name) => link(`/nodes/${[cluster, name].map(encodeURIComponent).join('/')}`);

/** The events that match, in Details. */
export const eventsLink = (...statements) => link('/events', { query: all(...statements) });

/** Where the object of an event leads: a Pod and a node have pages of their own. */
export function objectLink({ cluster, kind, namespace, name }) {
  const text = namespace ? `${namespace}/${name}` : name;
  if (kind === 'Pod') return h('a', { href: podLink(cluster, namespace, name) }, text);
  if (kind === 'Node') return h('a', { href: nodeLink(cluster, name) }, text);
  const where = [term('kind', kind), term('name', name), namespace && term('namespace', namespace)];
  return h('a', { href: eventsLink(...where) }, text);
}

/**
 * A ranking: values with their counts and a bar each; a value leads to its events.
 *
 * @param {{ groups: { values: string[], count: number }[], others?: number, total?: number }} counts
 * @param {(value: string) => string} href where a value leads
 */
export function ranking(counts, href, empty = t('parts.none')) {
  if (!counts.groups.length) return nothing(empty);
  const most = counts.groups[0].count;
  const row = ({ values, count }) => {
    const bar = h('i', { class: 'bar', 'aria-hidden': 'true' });
    bar.style.inlineSize = `${Math.max((count / most) * 100, 0.5)}%`;
    const value = values.at(-1);
    return h('li', {}, h('a', { href: href(value, values), title: value }, h('span', {}, value)), h('b', {}, number(count)), bar);
  };
  return h('ol', { class: 'ranking' }, counts.groups.map(row), counts.others > 0 &&
    h('li', { class: 'others' }, h('span', {}, t('parts.others')), h('b', {}, number(counts.others))));
}

/** A table: columns of `[title, cell(row), class]`; `mark` is its own class. */
export function table(label, columns, rows, mark = null) {
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label }, h(
    'table',
    { class: mark },
    h('thead', {}, h('tr', {}, columns.map(([title, , mark]) => h('th', { scope: 'col', class: mark }, title)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, columns.map(([, cell, mark]) => h('td', { class: mark }, cell(row)))))),
  ));
}

/** The newest events of some kind of trouble. */
export function samples(label, rows) {
  if (!rows.length) return null;
  return table(label, [
    [t('parts.time'), (row) => when(row.at), 'time'],
    [t('parts.reason'), (row) => [level(row.level), ' ', row.reason]],
    [t('parts.object'), (row) => [h('span', { class: 'kind' }, row.kind), ' ', objectLink(row)]],
    [t('parts.count'), (row) => number(row.count), 'number'],
    [t('parts.message'), (row) => h('span', { class: 'message', title: row.message.slice(0, 2000) }, row.message.slice(0, 600))],
  ], rows, 'stacked samples');
}

/** What an answer lacks: declared losses in its range, and what could not be read. */
export function lacks({ gaps = [], unread = [] }) {
  if (!gaps.length && !unread.length) return null;
  const gap = ({ cluster, since, until, count, reason }) =>
    h('li', {}, `${cluster.name || cluster.id}: `, since ? `${instant(since)} – ` : `${t('parts.before')} `, instant(until),
      count ? ` · ${many('parts.events', count)}` : '', ` · ${reason}`);
  return h('div', { class: 'notice warn', role: 'note' },
    h('strong', {}, gaps.length ? t('parts.gap') : t('parts.unread')),
    h('ul', {}, gaps.slice(0, 5).map(gap), gaps.length > 5 && h('li', {}, t('parts.more', { n: number(gaps.length - 5) })), unread.map((text) => h('li', {}, text))));
}
