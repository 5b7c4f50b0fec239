// What the table of a `SELECT` can be drawn as: bars and lines over time, bars by name, one big number.
//
// Nothing is configured. A column is one of times, of numbers or of text, by all of its values. The first column of
// times is the axis, unless it stands behind names that are different in each row: then it only says something of
// them. Columns of text tell series apart, numbers are what is drawn. Times in SQL are UTC.

import { bars, lines } from './chart.js';
import { h } from './dom.js';
import { LEVELS, levelMark } from './parts.js';
import { compact, number, t } from './words.js';

/** Series that have a colour each. */
const SERIES = 8;
/** Buckets of a chart; between rows that are there, what is missing is put in up to so many. */
const BUCKETS = 2000;
/** Names that bars are drawn for. */
const NAMES = 50;
/** Columns of text that make a name; a table of more is a list. */
const TEXTS = 3;

const TIME = /^\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?$/;

/** The time that a value of this column stands for, in milliseconds since 1970; else `null`. */
export function moment(column, value) {
  if (typeof value === 'string' && TIME.test(value)) {
    const at = Date.parse(value.length === 10 ? value : `${value.replace(' ', 'T').replace('Z', '')}Z`);
    return Number.isNaN(at) ? null : at;
  }
  const isSeconds = typeof value === 'number' && /time/i.test(column) && value > 1e8 && value < 1e10;
  return isSeconds ? value * 1000 : null;
}

/** `time`, `number` or `text`, for each column. */
export function kinds({ columns, rows }) {
  return columns.map((column, place) => {
    const values = rows.map((row) => row[place]).filter((value) => value !== null);
    if (!values.length) return 'text';
    if (values.every((value) => moment(column, value) !== null)) return 'time';
    return values.every((value) => typeof value === 'number') ? 'number' : 'text';
  });
}

/**
 * What a table can be drawn as: `{ line, bar, number }`, each a function that draws, or null; and which suits `best`.
 * `table.step` is the length of its buckets in milliseconds, if that is known; else the least distance of its times is.
 */
export function pictures(table, { label, onBrush }) {
  const of = kinds(table);
  const places = (kind) => of.flatMap((one, place) => (one === kind ? [place] : []));
  const [[time], numbers, texts] = [places('time'), places('number'), places('text')];
  const isAbove = numbers.every((place) => table.rows.every((row) => row[place] === null || row[place] >= 0));
  const isOver = time === 0 || (time > 0 && !isKey(table.rows, texts));
  const isSeries = isOver && numbers.length && isAbove && texts.length <= TEXTS;
  const series = isSeries ? overTime(table, time, numbers, texts) : null;
  const over = (draw, ends) => () => [draw({ ...series, ...ends, label, onBrush }), series.left > 0 && h('p', { class: 'faint' }, t('query.series_left', { n: number(series.left) }))];
  // A line ends with its last value, bars with the end of their last.
  const line = series && over(lines, series.buckets.length > 1 && { until: series.buckets.at(-1).at });
  const named = numbers.length && texts.length && texts.length <= TEXTS && isAbove ? () => byName(table, texts, numbers[0], label) : null;
  const big = table.rows.length === 1 && numbers.length ? () => numbersOf(table, numbers) : null;
  return { line, bar: series ? over(bars) : named, number: big, best: big ? 'number' : line ? 'line' : 'table' };
}

const isKey = (rows, places) => places.length > 0 && new Set(rows.map((row) => JSON.stringify(places.map((place) => row[place])))).size === rows.length;

// Over time ------------------------------------------------------------------------------------------------------

function overTime({ columns, rows, step: known }, time, numbers, texts) {
  const found = new Map();
  const totals = new Map();
  const add = (at, name, value) => {
    if (!found.has(at)) found.set(at, new Map());
    found.get(at).set(name, (found.get(at).get(name) ?? 0) + value);
    totals.set(name, (totals.get(name) ?? 0) + value);
  };
  for (const row of rows) {
    const at = moment(columns[time], row[time]);
    if (at === null) continue;
    const name = texts.map((place) => row[place] ?? '–').join(' · ').slice(0, 80);
    // With names, the first number of each; else a series for each number.
    if (texts.length) add(at, name, row[numbers[0]] ?? 0);
    else for (const place of numbers) add(at, columns[place], row[place] ?? 0);
  }
  const isLevels = [...totals.keys()].every((name) => LEVELS.includes(name));
  const names = isLevels ? LEVELS.filter((name) => totals.has(name)) : [...totals].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const drawn = names.slice(0, SERIES);
  const times = [...found.keys()].sort((a, b) => a - b);
  const step = known ?? times.reduce((least, at, place) => (place ? Math.min(least, at - times[place - 1]) : least), Infinity);
  const width = Number.isFinite(step) ? step : 60_000;
  const buckets = filled(times, width).map((at) => ({ at, values: drawn.map((name) => found.get(at)?.get(name) ?? 0) }));
  return {
    series: drawn.map((name, place) => ({ name, mark: isLevels ? levelMark(name) : `series-${place}` })), left: names.length - drawn.length,
    buckets, step: width, from: times[0], until: times.at(-1) + width, height: 280,
  };
}

/** What no row says anything of is zero: where times are multiples of a step, those between are put in. */
function filled(times, step) {
  const isEven = times.every((at) => (at - times[0]) % step === 0);
  const count = (times.at(-1) - times[0]) / step + 1;
  return isEven && count <= BUCKETS ? Array.from({ length: count }, (_, place) => times[0] + place * step) : times;
}

// By name --------------------------------------------------------------------------------------------------------

function byName({ columns, rows }, texts, place, label) {
  const most = rows.reduce((most, row) => Math.max(most, row[place] ?? 0), 0);
  const row = (values) => {
    const name = texts.map((text) => values[text] ?? '–').join(' · ');
    const bar = h('i', { class: 'bar', 'aria-hidden': 'true' });
    bar.style.inlineSize = `${most ? ((values[place] ?? 0) / most) * 100 : 0}%`;
    return h('li', {}, h('span', { title: name.slice(0, 2000) }, name.slice(0, 200)), h('span', { class: 'track' }, bar), h('b', {}, values[place] === null ? '–' : number(values[place])));
  };
  return [
    h('p', { class: 'faint' }, columns[place]),
    h('ol', { class: 'named-bars', 'aria-label': label }, rows.slice(0, NAMES).map(row)),
    rows.length > NAMES && h('p', { class: 'faint' }, t('query.names_left', { n: number(rows.length - NAMES) })),
  ];
}

// Numbers --------------------------------------------------------------------------------------------------------

const numbersOf = ({ columns, rows: [row] }, numbers) =>
  h('dl', { class: 'big-numbers' }, numbers.map((place) =>
    h('div', {}, h('dt', {}, columns[place]), h('dd', { title: number(row[place]) }, compact(row[place])))));
