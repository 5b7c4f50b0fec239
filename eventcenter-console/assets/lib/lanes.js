// A time line in lanes: Events as marks with the level in shape and colour, the time from the first to the last of one
// that recurs, restarts as ticks through their lane, declared losses as hatched ranges.
//
// Marks that would overlap are one, with the sum of what occurred. What is drawn is bounded by its width, not by the
// number of Events. The same is told as a list beneath by whoever shows it; the two are held in step by `mark`.

import { add, h, put, s } from './dom.js';
import { level as badge, levelMark } from './parts.js';
import { instant, tick, ticks } from './time.js';
import { listen } from './lanes/input.js';
import { fitting, marks, rows, wide } from './lanes/layout.js';
import { compact, number, t } from './words.js';

const ROW = 20;
const PAD = 5;
const TOP = 4;
const AXIS = 24;
const NEAR = 19;
let made = 0;

/**
 * @param {object} plot
 * @param {string} plot.label what it shows, for who does not see it
 * @param {{ title: string, mark?: string, rows: number, points: object[] }[]} plot.lanes in at most so many rows; points oldest first:
 *   `{ id, level, reason, message, from, until, count, moments: [{ at, rise, restart }] }`, times in milliseconds
 * @param {{ from: number, until: number, title: string }[]} plot.gaps
 * @param {{ at: number, title: string }[]} plot.lines instants that are marked through all lanes
 * @param {[number, number]} plot.whole
 * @param {[number, number]} plot.window what is shown of it
 * @param {(window: [number, number], how?: { settled: boolean }) => void} plot.onLook another window is asked for: who
 *   shows the time line calls `show`; while it is not settled there will be more
 * @param {(id: string | null) => void} plot.onHover
 * @param {(id: string | null) => void} plot.onChoose
 */
export function lanes(plot) {
  const picture = s('svg', { class: 'plot lanes', 'aria-hidden': 'true' });
  const tip = h('div', { class: 'tip lanes-tip', role: 'status', hidden: true });
  const ruler = h('div', {});
  const box = h('div', { class: 'chart', tabindex: '0', role: 'group', 'aria-label': plot.label, 'aria-description': t('lanes.keys') }, ruler, picture, tip);
  made += 1;
  const state = {
    plot, box, picture, tip, hatch: `hatch-${made}`, whole: plot.whole, window: plot.window, levels: null,
    hits: [], drawn: [], hot: null, chosen: null, focus: null, pointed: null, cursor: null, brush: null, pressed: null,
  };
  // Drawing changes the height of the box, and only its width is a reason to draw.
  new ResizeObserver(() => draw(state)).observe(ruler);
  listen(state, {
    overlay: () => overlay(state),
    look: plot.onLook,
    hover: (hit) => mark({ hot: hit?.points[0].id ?? null }, true),
    choose: (hit) => {
      // Of several the worst, and of these the newest.
      const worst = hit?.points.filter((point) => point.level === hit.level).at(-1);
      mark({ chosen: worst?.id ?? null });
      plot.onChoose(worst?.id ?? null);
    },
  });

  /** What is pointed at and what is chosen, by id. */
  function mark(changes, isOwn = false) {
    const before = state.hot;
    Object.assign(state, changes);
    light(state);
    if (isOwn && before !== state.hot) plot.onHover(state.hot);
  }

  return {
    element: box,
    mark,
    /** Changes what is shown: `window`, `levels` (a set, or null for all). */
    show(changes) {
      Object.assign(state, changes);
      draw(state);
    },
  };
}

function draw(state) {
  const { plot, picture, box, window: [from, until] } = state;
  const width = box.clientWidth;
  if (!width) return;
  const left = Math.round(Math.min(Math.max(width * 0.14, 88), 155));
  const right = width - 14;
  const x = (at) => left + ((at - from) / (until - from)) * (right - left);
  const at = (px) => from + ((px - left) / (right - left)) * (until - from);
  const scale = { x, at, left, right, from, until, width };
  const perMillisecond = (right - left) / (state.whole[1] - state.whole[0]);
  Object.assign(state, { scale, hits: [], drawn: [] });
  const layers = { ground: [], spans: [], restarts: [], marks: [], labels: [] };
  let y = TOP;
  plot.lanes.forEach((lane, index) => {
    const inRows = rows(lane.points, perMillisecond, lane.rows);
    const height = inRows.length * ROW + PAD;
    layers.ground.push(
      s('rect', { class: `lane ${lane.mark ?? ''}`, x: 0, y, width, height }),
      s('text', { class: 'lane-title', x: 4, y: y + ROW / 2 + 6 }, fitting(lane.title, left - 18) || lane.title.slice(0, 3), s('title', {}, lane.title)));
    const shown = inRows.map((points) => points.filter((point) => !state.levels || state.levels.has(point.level)));
    layers.restarts.push(restarts(shown.flat(), scale, y, height));
    shown.forEach((points, row) => drawRow(state, layers, points, index, y + PAD / 2 + row * ROW + ROW / 2));
    y += height;
  });
  state.height = y;
  picture.setAttribute('width', width);
  picture.setAttribute('height', y + AXIS);
  state.over = s('g', { class: 'over' });
  const clip = s('clipPath', { id: `${state.hatch}-clip` }, s('rect', { x: left - 9, y: 0, width: right - left + 18, height: y }));
  const through = s('g', { 'clip-path': `url(#${state.hatch}-clip)` }, layers.spans, layers.restarts, lines(state, y));
  put(picture, s('defs', {}, hatch(state.hatch), clip), layers.ground, grid(scale, y), gaps(state, y), through, layers.marks, layers.labels, state.over);
  state.hits.sort((a, b) => a.lane - b.lane || a.x - b.x);
  if (state.focus) {
    const { lane, from: time } = state.focus;
    const near = (one) => Math.abs(one.from - time);
    state.focus = state.hits.filter((one) => one.lane === lane).sort((a, b) => near(a) - near(b))[0] ?? null;
  }
  state.pointed = null;
  light(state);
  overlay(state);
}

function drawRow(state, layers, points, lane, y) {
  const { scale } = state;
  for (const point of points) {
    if (point.until <= point.from || point.until < scale.from || point.from > scale.until) continue;
    const span = s('line', { class: `span ${levelMark(point.level)}`, x1: Math.max(scale.x(point.from), scale.left), x2: Math.min(scale.x(point.until), scale.right), y1: y, y2: y });
    layers.spans.push(span);
    state.drawn.push({ element: span, ids: [point.id] });
  }
  const found = marks(points, { ...scale, near: NEAR });
  const half = (mark) => (mark.count > 1 ? pill(mark) / 2 : 6);
  const says = (mark) => mark?.points.map(({ reason }) => reason).join();
  let first = 0;
  found.forEach((mark, index) => {
    const element = shape(mark, y);
    const ids = mark.points.map(({ id }) => id);
    layers.marks.push(element);
    state.drawn.push({ element, ids });
    state.hits.push({ ...mark, x0: mark.x - half(mark), x1: mark.x + half(mark), y, lane });
    // What it says stands behind the last of the marks that say the same, or before the first where there is more room.
    const next = found[index + 1];
    if (next && says(next) === says(mark)) return;
    const [before, begin] = [found[first - 1], found[first]];
    first = index + 1;
    const behind = [mark.x + half(mark) + 5, next ? next.x - half(next) - 4 : scale.right + 8];
    const ahead = [before ? before.x + half(before) + 4 : scale.left, begin.x - half(begin) - 5];
    const text = [...new Set(mark.points.map(({ reason }) => reason))].join(', ');
    const isAhead = !before && wide(text) > behind[1] - behind[0] && ahead[1] - ahead[0] > behind[1] - behind[0];
    const [from, until] = isAhead ? ahead : behind;
    const fits = fitting(text, until - from);
    if (!fits) return;
    const label = s('text', { class: `lane-label ${levelMark(mark.level)}`, x: isAhead ? until : from, y: y + 4, 'text-anchor': isAhead ? 'end' : 'start' }, fits);
    layers.labels.push(label);
    state.drawn.push({ element: label, ids });
  });
}

const pill = ({ count }) => Math.max(wide(compact(count)) + 9, 16);

/** One occurrence: a circle, a triangle or a diamond by its level. Several: how many. */
function shape(mark, y) {
  const { x, count, level } = mark;
  const of = `mark ${levelMark(level)}`;
  if (count > 1) {
    const width = pill(mark);
    return s('g', { class: `${of} several` }, s('rect', { x: x - width / 2, y: y - 8, width, height: 16, rx: 8 }), s('text', { x, y: y + 4, 'text-anchor': 'middle' }, compact(count)));
  }
  if (level === 'Error') return s('path', { class: of, d: `M${x} ${y - 7}l7 7l-7 7l-7-7z` });
  if (level === 'Warning') return s('path', { class: of, d: `M${x} ${y - 6.5}l6.5 11.5h-13z` });
  return s('circle', { class: of, cx: x, cy: y, r: 5 });
}

/** A tick through the lane for each time that a container started again. */
function restarts(points, { x, from, until }, y, height) {
  let path = '';
  let last = -Infinity;
  for (const point of points) {
    for (const { at, restart } of point.moments) {
      if (!restart || at < from || at > until) continue;
      const px = Math.round(x(at)) + 0.5;
      // Two on one pixel are one.
      if (px === last) continue;
      path += `M${px} ${y + 1}V${y + height - 1}`;
      last = px;
    }
  }
  return path && s('path', { class: 'restart', d: path });
}

function grid({ x, from, until, left, right }, height) {
  const axis = ticks(from, until, Math.max(Math.floor((right - left) / 76), 1));
  return axis.ticks.map((at) => [
    s('line', { class: 'gridline', x1: x(at), x2: x(at), y1: TOP, y2: height }),
    s('text', { class: 'tick', x: Math.min(Math.max(x(at), left + 14), right - 14), y: height + 15, 'text-anchor': 'middle' }, tick(at, axis.step)),
  ]);
}

function gaps({ plot, hatch: id, scale: { x, from, until, left, right } }, height) {
  return plot.gaps.filter((gap) => gap.until > from && gap.from < until).map((gap) => {
    const [begin, end] = [Math.max(x(gap.from), left), Math.min(x(gap.until), right)];
    return s('rect', { class: 'gap', x: begin, y: TOP, width: Math.max(end - begin, 3), height: height - TOP, fill: `url(#${id})` }, s('title', {}, gap.title));
  });
}

const hatch = (id) =>
  s('pattern', { id, width: 7, height: 7, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' }, s('line', { class: 'hatch', x1: 0, x2: 0, y1: 0, y2: 7 }));

function lines({ plot, scale: { x, from, until } }, height) {
  return plot.lines.filter(({ at }) => at >= from && at <= until).map(({ at, title }) =>
    s('line', { class: 'instant', x1: x(at), x2: x(at), y1: TOP, y2: height }, s('title', {}, title)));
}

/** What is pointed at or chosen stands out. */
function light({ drawn, hot, chosen }) {
  const meant = hot ?? chosen;
  for (const { element, ids } of drawn) {
    element.classList.toggle('dim', meant !== null && !ids.includes(meant));
    element.classList.toggle('chosen', chosen !== null && ids.includes(chosen));
  }
}

/** The cursor, the brush, the focus, and the words beside them. */
function overlay(state) {
  const { over, scale, cursor, brush, height, tip, focus, pointed } = state;
  if (!over) return;
  put(over);
  const { x, left, right } = scale;
  if (brush) {
    const [from, until] = [Math.min(...brush), Math.max(...brush)];
    add(over, s('rect', { class: 'brush', x: x(from), y: TOP, width: Math.max(x(until) - x(from), 1), height: height - TOP }));
  }
  if (cursor !== null) {
    const text = instant(cursor).slice(5);
    const middle = Math.min(Math.max(x(cursor), left + 40), right - 34);
    add(over, s('line', { class: 'hair', x1: x(cursor), x2: x(cursor), y1: TOP, y2: height }),
      s('rect', { class: 'hair-ground', x: middle - wide(text) / 2 - 5, y: height + 3, width: wide(text) + 10, height: 17, rx: 4 }),
      s('text', { class: 'hair-text', x: middle, y: height + 15, 'text-anchor': 'middle' }, text));
  }
  if (focus) add(over, s('rect', { class: 'focus', x: focus.x0 - 4, y: focus.y - 11, width: focus.x1 - focus.x0 + 8, height: 22, rx: 6 }));
  const about = pointed ?? focus;
  tip.hidden = !about;
  if (!about) return;
  put(tip, told(about));
  const beside = about.x1 + 12 + tip.offsetWidth > scale.width ? about.x0 - tip.offsetWidth - 12 : about.x1 + 12;
  tip.style.left = `${Math.max(Math.min(beside, scale.width - tip.offsetWidth), 0)}px`;
  tip.style.top = `${Math.max(about.y - tip.offsetHeight - 14, -tip.offsetHeight - 4)}px`;
}

/** The card of a mark: what it is, how often, when, and the beginning of what it says. */
function told({ points, counts, from, until }) {
  const range = until > from ? `${instant(from)} – ${instant(until)}` : instant(from);
  const one = (point) => h('div', { class: 'card-point' },
    h('p', {}, badge(point.level), ' ', h('strong', {}, point.reason), counts.get(point) > 1 ? ` ×${number(counts.get(point))}` : '',
      point.count > counts.get(point) ? h('span', { class: 'faint' }, ` ${t('lanes.of', { n: number(point.count) })}`) : ''),
    h('p', { class: 'card-message' }, point.message.slice(0, 220)));
  return [h('p', { class: 'faint' }, range), points.slice(0, 4).map(one), points.length > 4 && h('p', { class: 'faint' }, t('parts.more', { n: number(points.length - 4) }))];
}
