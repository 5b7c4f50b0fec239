// A list of any length on the page: only the rows that can be seen are there, some dozens, wherever it is scrolled to.
//
// The scroll bar stands for the whole list. Where it is dragged, rows of that time are read; the wheel and the keys go
// on from row to row. A browser lays out some ten million pixels at most: in a longer list the bar is coarser than
// the content, and small movements still move the content by as much.

import { h, put, settled } from './dom.js';
import { feed, idOf } from './feed.js';
import { levelMark, nothing } from './parts.js';

const TALLEST = 8_000_000;
/** Rows above and below what can be seen, so that a quick hand meets no gap. */
const BEYOND = 12;
/** Rows from an end of what is held at which more is read. */
const AHEAD = 100;

/**
 * @param {object} list
 * @param {string} list.label
 * @param {(row: object) => Node[]} list.cells
 * @param {(row: object) => void} list.onOpen a row was chosen
 * @param {(row: object) => void} list.onMove the keys went to a row
 * @param {() => void} list.onScroll what is seen has changed
 * @param {(error: Error) => void} list.onTrouble
 */
export function rowList({ label, cells, onOpen, onMove, onScroll, onTrouble }) {
  const canvas = h('div', { class: 'rows-canvas', role: 'presentation' });
  const box = h('div', { class: 'rows', tabindex: '0', role: 'listbox', 'aria-label': label }, canvas);
  const empty = h('div', { class: 'rows-empty', hidden: true });
  const held = feed({ onShift, onChange, onTrouble });
  const elements = new Map();
  let made = 0;
  let chosen = null;
  // Pixels from the beginning of the list to what is at the top of the box; and where the bar was then.
  let top = 0;
  let barAt = 0;
  let height = 30;

  const full = () => held.count * height;
  const tall = () => Math.min(full(), TALLEST);
  const most = () => Math.max(full() - box.clientHeight, 0);
  /** Pixels of the list for one of the bar. */
  const ratio = () => (full() > TALLEST ? most() / Math.max(tall() - box.clientHeight, 1) : 1);

  function onShift(by) {
    follow();
    top += by * height;
  }

  function onChange() {
    follow();
    height = parseFloat(getComputedStyle(box).getPropertyValue('--row')) || height;
    canvas.style.height = `${tall()}px`;
    place(top);
    draw();
  }

  /** Puts the bar where it belongs when this is at the top of the box. */
  function place(at) {
    top = Math.min(Math.max(at, 0), most());
    // To set it, even to what it is, would stop a movement that is under way.
    if (Math.abs(box.scrollTop - top / ratio()) >= 1) box.scrollTop = top / ratio();
    barAt = box.scrollTop;
  }

  /** Takes over how far the bar has been moved since. */
  function follow() {
    const by = box.scrollTop - barAt;
    if (!by) return;
    barAt += by;
    if (ratio() === 1) top = barAt;
    else if (barAt <= 0) top = 0;
    else if (barAt >= tall() - box.clientHeight - 1) top = most();
    else top = Math.abs(by) <= box.clientHeight ? Math.min(Math.max(top + by, 0), most()) : barAt * ratio();
  }

  // When a hand rests, the bar is put where it belongs.
  const rest = settled(() => {
    if (ratio() > 1) {
      place(top);
      draw();
    }
  }, 200);

  function scrolled() {
    follow();
    draw();
    rest();
    onScroll();
  }

  function draw() {
    const { rows, first, count } = held;
    const from = Math.floor(top / height);
    const shown = Math.ceil(box.clientHeight / height) + 1;
    const wanted = new Map();
    for (let at = Math.max(from - BEYOND, first); at < Math.min(from + shown + BEYOND, first + rows.length); at += 1) {
      const row = rows[at - first];
      wanted.set(row, at);
    }
    for (const [row, one] of elements) {
      if (wanted.has(row)) continue;
      one.remove();
      elements.delete(row);
    }
    let before = null;
    for (const [row, at] of wanted) {
      const one = elements.get(row) ?? element(row);
      // They are read out in the order in which they are seen.
      if (one.parentNode !== canvas || one.previousSibling !== before) canvas.insertBefore(one, before ? before.nextSibling : canvas.firstChild);
      before = one;
      // In a long list what is drawn moves along with the bar.
      one.style.transform = `translateY(${Math.round(barAt + at * height - top)}px)`;
      one.setAttribute('aria-posinset', at + 1);
      one.setAttribute('aria-setsize', count);
      one.setAttribute('aria-selected', String(idOf(row) === chosen));
      if (idOf(row) === chosen) box.setAttribute('aria-activedescendant', one.id);
    }
    canvas.classList.toggle('waiting', wanted.size === 0 && count > 0);
    readOn(from, shown);
  }

  function element(row) {
    made += 1;
    const one = h('div', { class: `row ${levelMark(row.level)}`, role: 'option', id: `row-${made}`, onclick: () => open(row) }, cells(row));
    elements.set(row, one);
    return one;
  }

  /** Reads on before the end of what is held is seen, or elsewhere when somebody has gone there. */
  function readOn(from, shown) {
    const last = held.first + held.rows.length;
    if (!held.rows.length) return;
    if (from + shown < held.first - AHEAD || from > last + AHEAD) return jump(from, shown);
    jump.cancel();
    if (from + shown > last - AHEAD) held.extend('tail');
    if (from < held.first + AHEAD) held.extend('head');
  }

  // Where somebody only passes nothing is read.
  const jump = settled((from, shown) => held.jump(from, shown), 90);

  function open(row) {
    choose(row);
    onOpen(row);
  }

  function choose(row) {
    chosen = row && idOf(row);
    box.removeAttribute('aria-activedescendant');
    draw();
  }

  /** Goes so many rows on from the chosen one; from what is seen if that is elsewhere. */
  function move(by) {
    const { rows, first } = held;
    const now = rows.findIndex((row) => idOf(row) === chosen);
    const seen = Math.ceil(top / height) - first;
    const next = Math.min(Math.max(now < 0 ? seen : now + by, 0), rows.length - 1);
    if (!rows[next]) return;
    const at = (first + next) * height;
    if (at < top) place(at);
    else if (at + height > top + box.clientHeight) place(at + height - box.clientHeight);
    choose(rows[next]);
    onMove(rows[next]);
  }

  box.addEventListener('scroll', scrolled, { passive: true });
  box.addEventListener('keydown', (event) => {
    const page = Math.max(Math.floor(box.clientHeight / height) - 1, 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, j: 1, k: -1 }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (by) move(by);
    else if (event.key === 'Home' || event.key === 'End') {
      place(event.key === 'Home' ? 0 : most());
      draw();
    } else if (event.key === 'Enter' || event.key === ' ') {
      const row = held.rows.find((one) => idOf(one) === chosen);
      if (row) onOpen(row);
    } else return;
    event.preventDefault();
  });
  new ResizeObserver(() => held.rows.length && onChange()).observe(box);

  return {
    element: [box, empty],
    box,
    /** See `feed`. Shows `hint` where nothing matches. */
    async load(params, signal, hint) {
      const answer = await held.load(params, signal);
      place(0);
      draw();
      const isEmpty = !answer.events.length;
      put(empty, isEmpty && nothing(hint));
      empty.hidden = !isEmpty;
      box.hidden = isEmpty;
      return answer;
    },
    expect: held.expect,
    arrived(rows) {
      held.arrived(rows);
      empty.hidden = true;
      box.hidden = false;
    },
    /** Whether what is at the top of the list is seen. */
    isAtTop: () => held.isHead && top < height,
    toTop() {
      place(0);
      draw();
    },
    /** Marks the row of this id. */
    mark(id) {
      chosen = id;
      draw();
    },
    /** Writes all rows anew, as after a change of the time zone. */
    renew() {
      elements.forEach((one) => one.remove());
      elements.clear();
      draw();
    },
    focus: () => box.focus(),
    get held() { return held; },
  };
}
