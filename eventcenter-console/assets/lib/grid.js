// The table of a `SELECT`: sorted by a click, long texts cut where a reader can ask for the rest, rows as many as are
// read at a time.

import { h, put } from './dom.js';
import { level } from './parts.js';
import { kinds, moment } from './pictures.js';
import { instant } from './time.js';
import { number, t } from './words.js';

/** Rows that are added at a time: a sort of them is drawn within a tenth of a second. */
const ROWS = 200;
/** Characters of a cell. */
const CUT = 160;

/**
 * @param {object} grid
 * @param {{ columns: string[], rows: unknown[][] }} grid.table
 * @param {string} grid.label
 * @param {string} [grid.sort] the number of a column from 1, with a `-` before it from the largest down
 * @param {(sort: string) => void} grid.onSort
 * @param {(column: string, value: string) => string | null} grid.href where a value leads
 */
export function grid({ table, label, sort, onSort, href }) {
  const of = kinds(table);
  const body = h('tbody', {});
  const more = h('button', { type: 'button', onclick: () => add() });
  const rows = sorted(table.rows, sort);
  let shown = 0;

  function add() {
    body.append(...rows.slice(shown, shown + ROWS).map((row) => h('tr', {}, row.map((value, place) => cell(table.columns[place], value, of[place], href)))));
    shown = Math.min(shown + ROWS, rows.length);
    more.hidden = shown >= rows.length;
    put(more, t('query.more', { n: number(Math.min(ROWS, rows.length - shown)) }));
  }

  add();
  return h('div', { class: 'scroll grid-scroll', tabindex: '0', role: 'region', 'aria-label': label },
    h('table', { class: 'result' }, h('thead', {}, h('tr', {}, table.columns.map((name, place) => head(name, place, of[place], sort, onSort)))), body),
    more);
}

function head(name, place, kind, sort, onSort) {
  const up = String(place + 1);
  const isUp = sort === up;
  const isDown = sort === `-${up}`;
  // Numbers and times are looked at from the largest down.
  const next = kind === 'text' ? (isUp ? `-${up}` : isDown ? null : up) : isDown ? up : isUp ? null : `-${up}`;
  return h('th', { scope: 'col', class: kind === 'number' ? 'number' : null, 'aria-sort': isUp ? 'ascending' : isDown ? 'descending' : null },
    h('button', { type: 'button', class: 'quiet', title: t('query.sort'), onclick: () => onSort(next) }, name.slice(0, 80),
      kind === 'time' && h('small', {}, ' UTC'), h('span', { 'aria-hidden': 'true' }, isUp ? ' ▲' : isDown ? ' ▼' : '')));
}

const collator = new Intl.Collator('en', { numeric: true });

/** Rows by a column; without a value, at the end. */
function sorted(rows, sort) {
  const place = Math.abs(Number(sort)) - 1;
  if (!(place >= 0)) return rows;
  const way = sort.startsWith('-') ? -1 : 1;
  const compare = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(a, b));
  return rows.toSorted(({ [place]: a }, { [place]: b }) => {
    if (a === null || b === null || a === undefined || b === undefined) return (a === null) - (b === null);
    return way * compare(a, b);
  });
}

function cell(column, value, kind, href) {
  if (value === null) return h('td', { class: kind === 'number' ? 'number nothing' : 'nothing' }, '–');
  if (kind === 'number') return h('td', { class: 'number', title: String(value) }, number(value));
  if (kind === 'time') return h('td', { class: 'time', title: instant(moment(column, value)) }, String(value));
  const text = String(value);
  if (column === 'level') return h('td', {}, level(text));
  const to = text.length <= CUT && href(column, text);
  return h('td', { class: text.length > 40 ? 'long' : null }, to ? h('a', { href: to }, text) : text.length > CUT ? cut(text) : text);
}

function cut(text) {
  const whole = h('button', { type: 'button', class: 'quiet whole', title: t('query.whole'), 'aria-label': t('query.whole') }, '…');
  const place = h('span', {}, text.slice(0, CUT), whole);
  whole.addEventListener('click', () => put(place, text));
  return place;
}
