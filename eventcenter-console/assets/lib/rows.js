// A list of any length, of which only what can be seen is there.
//
// The scroll bar stands for the whole range: it is as long as the number of occurrences says, and where it is dragged
// to, the list begins at the time until which so many had occurred. From there rows are read on in both directions
// and joined without a seam; when an end is reached the estimate is put right. At most `KEPT` rows are in memory.

import { get } from './api.js';
import { h } from './dom.js';
import { levelMark, nothing } from './parts.js';

const PAGE = 200;
const KEPT = 1600;
// A browser lays out no more than some ten million pixels.
const TALLEST = 8_000_000;

/**
 * @param {object} list
 * @param {() => object} list.params parameters of `events`: query, range, cluster
 * @param {(row: object) => Node[]} list.cells
 * @param {(row: object) => void} list.onOpen
 * @param {(problem: Error) => void} [list.onTrouble]
 * @param {string} list.label
 * @param {string} list.empty what is said when nothing matches
 */
export function rowList({ params, cells, onOpen, label, empty, onTrouble }) {
  const canvas = h('div', { class: 'rows-canvas' });
  const none = nothing(empty);
  const box = h('div', { class: 'rows', tabindex: '0', role: 'listbox', 'aria-label': label }, none, canvas);
  none.hidden = true;
  let s = fresh();

  function fresh() {
    // `first` is where rows[0] is believed to be in the whole; `count` how long the whole is believed to be.
    return { rows: [], first: 0, count: 0, older: null, newer: null, seen: new Map(), height: 30, active: null, buckets: [], run: new AbortController(), busy: { older: false, newer: false }, cut: false, isLoaded: false };
  }

  const newest = () => (params().order ?? 'newest') === 'newest';
  const idOf = (row) => `${row.cluster.id}/${row.uid || row.id}`;
  const ask = (more) => get('events', { ...params(), limit: PAGE, ...more }, { signal: s.run.signal });

  /** Begins anew. `counts` are the buckets of the histogram, oldest first: `{ at, count }`. */
  async function load(signal) {
    s.run.abort();
    s = fresh();
    signal?.addEventListener('abort', () => s.run.abort());
    const page = await ask({});
    // What was there stays until there is something to take its place.
    canvas.replaceChildren();
    s.rows = page.events;
    s.older = page.next;
    s.count = s.rows.length;
    s.isLoaded = true;
    box.scrollTop = 0;
    sized();
    return page;
  }

  /** How much there is, from the histogram: the scroll bar gets its length. */
  function expect(buckets, total) {
    s.buckets = newest() ? [...buckets].reverse() : buckets;
    if (s.older) s.count = Math.max(total, s.first + s.rows.length);
    sized();
  }

  const factor = () => Math.max((s.count * s.height) / TALLEST, 1);

  function sized() {
    s.height = parseFloat(getComputedStyle(box).getPropertyValue('--row')) || 30;
    canvas.style.height = `${Math.min(s.count * s.height, TALLEST)}px`;
    box.setAttribute('aria-rowcount', s.count);
    draw();
  }

  /** The place in the whole of what is at the top. */
  const top = () => (box.scrollTop * factor()) / s.height;

  function draw() {
    const shown = Math.ceil(box.clientHeight / s.height) + 1;
    const from = Math.floor(top());
    const wanted = new Map();
    for (let at = Math.max(from - 6, s.first); at < Math.min(from + shown + 6, s.first + s.rows.length); at += 1) {
      const row = s.rows[at - s.first];
      wanted.set(idOf(row), { row, at });
    }
    for (const [id, element] of s.seen) {
      if (wanted.has(id)) continue;
      element.remove();
      s.seen.delete(id);
    }
    // With a long list a pixel of the scroll bar is many rows: they are placed relative to what is at the top.
    const base = factor() > 1 ? box.scrollTop - (top() - from) * s.height : from * s.height;
    let before = null;
    for (const [id, { row, at }] of wanted) {
      let element = s.seen.get(id);
      if (!element) {
        element = h('div', { class: `row ${levelMark(row.level)}`, role: 'option', id: `row-${id}`, onclick: () => open(row) }, cells(row));
        s.seen.set(id, element);
      }
      // Read out in the order in which they are seen.
      if (element.parentNode !== canvas || element.previousSibling !== before) {
        if (before) before.after(element);
        else canvas.prepend(element);
      }
      before = element;
      element.style.transform = `translateY(${base + (at - from) * s.height}px)`;
      element.setAttribute('aria-selected', String(s.active === id));
    }
    canvas.classList.toggle('waiting', wanted.size === 0 && s.count > 0);
    none.hidden = !s.isLoaded || s.rows.length > 0;
    follow(from, shown);
  }

  /** Reads on before the end of what is there is reached, or anew where somebody has jumped to. */
  function follow(from, shown) {
    const last = s.first + s.rows.length;
    if (from + shown < s.first - PAGE || from > last + PAGE) return jump(from);
    if (from + shown > last - PAGE / 2 && (s.older || s.cut) && !s.busy.older) extend('older');
    if (from < s.first + PAGE / 2 && s.first > 0 && !s.busy.newer) extend('newer');
  }

  let jumping;

  function jump(place) {
    clearTimeout(jumping);
    jumping = setTimeout(async () => {
      const until = timeAt(place);
      if (until === null) return;
      const { run } = s;
      const page = await ask(newest() ? { until } : { from: until, since: null }).catch(told);
      if (!page || run.signal.aborted) return;
      s.rows = page.events;
      s.older = page.next;
      s.newer = null;
      s.first = place;
      s.seen.forEach((element) => element.remove());
      s.seen.clear();
      ended('older');
      sized();
    }, 90);
  }

  /** Until when so many had occurred, counted from the beginning of the list. */
  function timeAt(place) {
    let before = 0;
    for (const { at, count, step } of s.buckets) {
      if (before + count > place) {
        const part = (place - before) / count;
        return new Date(at + step * (newest() ? 1 - part : part)).toISOString();
      }
      before += count;
    }
    return null;
  }

  async function extend(way) {
    const { run } = s;
    s.busy[way] = true;
    try {
      if (way === 'older') {
        const page = await ask(s.cut ? beyond(s.rows.at(-1).time) : { after: s.older });
        if (run.signal.aborted) return;
        s.rows.push(...unknown(page.events, s.rows.slice(-PAGE)));
        s.older = page.next;
        s.cut = false;
        ended('older');
      } else {
        const edge = s.rows[0]?.time;
        if (!edge) return;
        const back = newest() ? { order: 'oldest', from: edge, since: null } : { order: 'newest', until: later(edge) };
        const page = await ask({ ...back, after: s.newer });
        if (run.signal.aborted) return;
        const more = unknown(page.events, s.rows.slice(0, PAGE)).reverse();
        // Of one instant there may be more than a page.
        s.newer = more.length ? null : page.next;
        s.rows.unshift(...more);
        s.first -= more.length;
        // At the beginning of all, or before it: what was believed of the place is put right, and nothing moves.
        if (!s.newer && (!more.length || s.first < 0)) shift(-s.first);
      }
      trim(way);
      sized();
    } catch (error) {
      told(error);
    } finally {
      s.busy[way] = false;
    }
  }

  /** Where the list goes on behind a time. What lies at the edge comes again. */
  const beyond = (time) => (newest() ? { until: later(time) } : { from: time, since: null });

  const unknown = (rows, among) => {
    const known = new Set(among.map(idOf));
    return rows.filter((row) => !known.has(idOf(row)));
  };

  /** The API's times are finer than milliseconds, and a range ends before its end. */
  const later = (time) => new Date(Date.parse(time) + 1).toISOString();

  function ended(way) {
    if (way === 'older' && !s.older && !s.cut) s.count = s.first + s.rows.length;
    else s.count = Math.max(s.count, s.first + s.rows.length + 1);
  }

  function shift(by) {
    s.first += by;
    s.count += by;
    box.scrollTop += (by * s.height) / factor();
  }

  function trim(way) {
    const over = s.rows.length - KEPT;
    if (over <= 0) return;
    if (way === 'older') {
      s.rows.splice(0, over);
      s.first += over;
      s.newer = null;
    } else {
      s.rows.length = KEPT;
      // What follows is asked for by the time of the last row that is kept.
      s.older = null;
      s.cut = true;
      s.count = Math.max(s.count, s.first + KEPT + 1);
    }
  }

  function told(error) {
    if (error.name !== 'AbortError') onTrouble?.(error);
  }

  /** Puts rows on top that have just arrived; an event that recurs moves up. Only at the head of the list. */
  function arrived(rows) {
    const ids = new Set(rows.map(idOf));
    const kept = s.rows.filter((row) => !ids.has(idOf(row)));
    ids.forEach((id) => {
      s.seen.get(id)?.remove();
      s.seen.delete(id);
    });
    s.count += rows.length - (s.rows.length - kept.length);
    s.rows = [...[...rows].reverse(), ...kept].slice(0, KEPT);
    if (s.rows.length === KEPT) {
      s.older = null;
      s.cut = true;
    }
    sized();
  }

  function open(row) {
    s.active = idOf(row);
    draw();
    onOpen(row);
  }

  function move(by) {
    const place = s.rows.findIndex((row) => idOf(row) === s.active);
    const next = s.rows[Math.min(Math.max(place < 0 ? Math.floor(top()) - s.first : place + by, 0), s.rows.length - 1)];
    if (!next) return;
    s.active = idOf(next);
    const at = s.first + s.rows.indexOf(next);
    const visible = Math.floor(box.clientHeight / s.height);
    if (at < top()) box.scrollTop = (at * s.height) / factor();
    else if (at >= top() + visible) box.scrollTop = ((at - visible + 1) * s.height) / factor();
    box.setAttribute('aria-activedescendant', `row-${s.active}`);
    draw();
  }

  box.addEventListener('scroll', () => requestAnimationFrame(draw), { passive: true });
  box.addEventListener('keydown', (event) => {
    const page = Math.max(Math.floor(box.clientHeight / s.height) - 1, 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, j: 1, k: -1 }[event.key];
    if (by) move(by);
    else if (event.key === 'Home') box.scrollTop = 0;
    else if (event.key === 'End') box.scrollTop = box.scrollHeight;
    else if (event.key === 'Enter') {
      const row = s.rows.find((one) => idOf(one) === s.active);
      if (row) open(row);
    } else return;
    event.preventDefault();
  });
  new ResizeObserver(() => s.rows.length && sized()).observe(box);

  return { box, load, expect, arrived, isAtTop: () => box.scrollTop < s.height, redraw: () => { s.seen.forEach((one) => one.remove()); s.seen.clear(); draw(); }, rows: () => s.rows };
}
