// Charts over time: stacked bars and lines, with hover, brush, keyboard, and the same numbers as a table.
//
// A chart is told once what it shows, and draws itself as wide as it is. Buckets without a value are left out.

import { add, h, put, s } from './dom.js';
import { instant, tick, ticks } from './time.js';
import { compact, number, t } from './words.js';

const MARGIN = { left: 46, right: 10, top: 8, bottom: 22 };

/**
 * Stacked bars.
 *
 * @param {object} chart
 * @param {string} chart.label what it shows, for who does not see it
 * @param {{ name: string, mark: string }[]} chart.series from the bottom up; `mark` is a class of the style sheet
 * @param {{ at: number, values: number[] }[]} chart.buckets oldest first, one value a series
 * @param {number} chart.step milliseconds of a bucket
 * @param {number} chart.from milliseconds since 1970
 * @param {number} chart.until
 * @param {number} [chart.height] pixels
 * @param {(from: number, until: number) => void} [chart.onBrush] a range was chosen
 */
export const bars = (chart) => timeChart(chart, drawBars, (bucket) => bucket.values.reduce((a, b) => a + b, 0));

/** Lines, of the same shape; a value may be null. */
export const lines = (chart) => timeChart(chart, drawLines, (bucket) => Math.max(0, ...bucket.values));

/** Round numbers from 0 up to the first that is not below `most`. */
export function scale(most, count) {
  const rough = Math.max(most, 1) / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 5, 10].find((n) => n * magnitude >= rough) * magnitude, most < 5 ? most / count : 1);
  return Array.from({ length: Math.ceil(Math.max(most, 1) / step - 1e-9) + 1 }, (_, i) => i * step);
}

function drawBars({ chart, x, y }) {
  const bases = new Map();
  return chart.series.map(({ mark }, index) => {
    let path = '';
    for (const { at, values } of chart.buckets) {
      const value = values[index];
      if (!value) continue;
      const base = bases.get(at) ?? 0;
      bases.set(at, base + value);
      const left = Math.max(x(at), MARGIN.left);
      const width = Math.max(x(Math.min(at + chart.step, chart.until)) - left - 1, 1);
      // What is there at all can be seen.
      const height = Math.max(y(base) - y(base + value), 1);
      path += `M${left.toFixed(1)} ${y(base).toFixed(1)}h${width.toFixed(1)}v${(-height).toFixed(1)}h${(-width).toFixed(1)}z`;
    }
    return path && s('path', { d: path, class: `fill ${mark}` });
  });
}

function drawLines({ chart, x, y }) {
  return chart.series.map(({ mark }, index) => {
    let path = '';
    let pen = 'M';
    for (const { at, values } of chart.buckets) {
      const value = values[index];
      if (value === null || value === undefined) {
        pen = 'M';
        continue;
      }
      // A value without neighbours is a dot.
      path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}${pen === 'M' ? 'h0' : ''}`;
      pen = 'L';
    }
    return path && s('path', { d: path, class: `line ${mark}` });
  });
}

function timeChart(chart, draw, sum) {
  const height = chart.height ?? 180;
  const picture = s('svg', { height, class: 'plot', 'aria-hidden': 'true' });
  const tip = h('div', { class: 'tip', role: 'status', hidden: true });
  const box = h(
    'div',
    {
      class: 'chart',
      tabindex: '0',
      role: 'group',
      'aria-label': chart.label,
      'aria-description': chart.onBrush ? t('chart.keys_brush') : t('chart.keys'),
    },
    picture,
    tip,
  );
  const state = { chart, draw, sum, height, picture, tip, box, cursor: null, brush: null };
  new ResizeObserver(() => redraw(state)).observe(box);
  listen(state);
  return h('figure', { class: 'time-chart' }, box, legend(chart), table(chart));
}

function redraw(state) {
  const { chart, picture, height, box } = state;
  const width = box.clientWidth;
  if (!width) return;
  const inner = Math.max(width - MARGIN.left - MARGIN.right, 1);
  const length = Math.max(chart.until - chart.from, 1);
  const x = (at) => MARGIN.left + ((at - chart.from) / length) * inner;
  const marks = scale(chart.buckets.reduce((most, bucket) => Math.max(most, state.sum(bucket)), 0), 4);
  const top = marks.at(-1);
  const y = (value) => height - MARGIN.bottom - (value / top) * (height - MARGIN.top - MARGIN.bottom);
  Object.assign(state, { x, width, at: (px) => chart.from + ((px - MARGIN.left) / inner) * length });
  picture.setAttribute('width', width);
  const grid = marks.map((value) => [
    s('line', { class: 'gridline', x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
    s('text', { class: 'tick', x: MARGIN.left - 6, y: y(value) + 4, 'text-anchor': 'end' }, compact(value)),
  ]);
  const axis = ticks(chart.from, chart.until, Math.max(Math.floor(inner / 64), 1));
  const times = axis.ticks.map((at) => {
    const from = Math.min(Math.max(x(at), MARGIN.left + 14), width - MARGIN.right - 14);
    return s('text', { class: 'tick', x: from, y: height - 6, 'text-anchor': 'middle' }, tick(at, axis.step));
  });
  state.over = s('g', {});
  put(picture, grid, times, state.draw({ chart, x, y }), state.over);
  overlay(state);
}

/** The cursor, the brush and the words beside them. */
function overlay(state) {
  const { chart, x, over, cursor, brush, height, tip, width } = state;
  if (!over) return;
  put(over);
  const column = (from, until, mark) =>
    s('rect', { class: mark, x: x(from), y: MARGIN.top, width: Math.max(x(until) - x(from), 1), height: height - MARGIN.top - MARGIN.bottom });
  if (brush) add(over, column(Math.min(...brush), Math.max(...brush), 'brush'));
  if (cursor !== null) add(over, column(Math.max(cursor, chart.from), Math.min(cursor + chart.step, chart.until), 'cursor'));
  tip.hidden = cursor === null && !brush;
  if (tip.hidden) return;
  const bucket = chart.buckets.find((one) => one.at === cursor);
  const about = brush
    ? `${instant(Math.min(...brush))} – ${instant(Math.max(...brush))}`
    : instant(cursor);
  put(
    tip,
    h('strong', {}, about),
    !brush && chart.series.map(({ name, mark }, index) =>
      h('div', {}, h('i', { class: `swatch ${mark}` }), ` ${name} `, h('b', {}, number(bucket?.values[index] ?? 0)))).reverse(),
  );
  const middle = x(brush ? Math.max(...brush) : cursor + chart.step / 2);
  const left = middle + 14 + tip.offsetWidth > width ? middle - tip.offsetWidth - 14 : middle + 14;
  tip.style.left = `${Math.max(left, 0)}px`;
}

function listen(state) {
  const { box, chart } = state;
  const bucketOf = (at) => {
    const some = chart.buckets[0]?.at ?? chart.from;
    return some + Math.floor((at - some) / chart.step) * chart.step;
  };
  const clamp = (at) => Math.min(Math.max(at, chart.from), chart.until);
  const pointed = (event) => clamp(state.at(event.clientX - box.getBoundingClientRect().left));
  const show = () => overlay(state);

  box.addEventListener('pointermove', (event) => {
    if (!state.at) return;
    if (state.pressed !== undefined) state.brush = [state.pressed, pointed(event)];
    state.cursor = bucketOf(pointed(event));
    show();
  });
  box.addEventListener('pointerleave', () => {
    if (state.pressed === undefined) state.cursor = null;
    show();
  });
  box.addEventListener('pointerdown', (event) => {
    if (!chart.onBrush || event.button !== 0 || !state.at) return;
    state.pressed = pointed(event);
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener('pointerup', (event) => {
    if (state.pressed === undefined) return;
    const range = [state.pressed, pointed(event)];
    state.pressed = undefined;
    // A click chooses the bucket that it hits.
    const isClick = Math.abs(state.x(range[0]) - state.x(range[1])) < 4;
    choose(isClick ? [bucketOf(range[0]), bucketOf(range[0]) + chart.step] : range);
  });
  box.addEventListener('pointercancel', () => {
    state.pressed = undefined;
    state.brush = null;
    show();
  });

  const choose = (range) => {
    state.brush = null;
    show();
    const [from, until] = [clamp(Math.min(...range)), clamp(Math.max(...range))];
    if (chart.onBrush && until > from) chart.onBrush(from, until);
  };

  box.addEventListener('keydown', (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way) {
      const from = state.cursor ?? bucketOf(way > 0 ? chart.from - chart.step : chart.until);
      const to = bucketOf(clamp(from + way * chart.step));
      if (event.shiftKey && chart.onBrush) state.brush = [state.brush?.[0] ?? from, to + (way > 0 ? chart.step : 0)].map(clamp);
      else state.brush = null;
      state.cursor = to;
    } else if (event.key === 'Enter' && state.cursor !== null) {
      choose(state.brush ?? [state.cursor, state.cursor + chart.step]);
    } else if (event.key === 'Escape') {
      state.cursor = state.brush = null;
    } else {
      return;
    }
    event.preventDefault();
    show();
  });
  box.addEventListener('blur', () => {
    state.cursor = null;
    show();
  });
}

const legend = (chart) =>
  chart.series.length > 1 &&
  h('div', { class: 'legend', 'aria-hidden': 'true' }, [...chart.series].reverse().map(({ name, mark }) =>
    h('span', {}, h('i', { class: `swatch ${mark}` }), ` ${name}`)));

/** The same numbers as a table, made when it is opened. */
function table(chart) {
  const details = h('details', { class: 'as-table' }, h('summary', {}, t('chart.as_table')));
  details.addEventListener('toggle', () => {
    if (!details.open || details.querySelector('table')) return;
    const head = h('tr', {}, h('th', { scope: 'col' }, t('chart.time')), chart.series.map(({ name }) => h('th', { scope: 'col', class: 'number' }, name)));
    const rows = chart.buckets.map(({ at, values }) =>
      h('tr', {}, h('td', {}, instant(at)), values.map((value) => h('td', { class: 'number' }, value === null ? '–' : number(value)))));
    add(details, h('div', { class: 'scroll' }, h('table', {}, h('caption', { class: 'unseen' }, chart.label), h('thead', {}, head), h('tbody', {}, rows))));
  });
  return details;
}
