// A list of many rows that are all known, of which only those that can be seen are there.
//
// It scrolls with the page. All rows are of one height, `--row` of the style sheet, which may change with the width.
// The arrow keys, Page Up and Down, Home and End go through the rows: what is focused is the link of each.

import { h } from './dom.js';

const BEYOND = 8;
const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

/**
 * @param {object} list
 * @param {string} list.label what it is a list of
 * @param {(row: T) => Node[]} list.cells what stands in a row; the first link in it is what the keyboard reaches
 */
export function windowed({ label, cells }) {
  const element = h('div', { class: 'windowed', role: 'list', 'aria-label': label });
  const drawn = new Map();
  let rows = [];
  let height = 0;
  let current = 0;

  function show(found) {
    rows = found;
    current = Math.min(current, Math.max(rows.length - 1, 0));
    again();
  }

  function again() {
    height = parseFloat(getComputedStyle(element).getPropertyValue('--row')) || 48;
    element.style.height = `${rows.length * height}px`;
    for (const row of drawn.values()) row.remove();
    drawn.clear();
    draw();
  }

  function draw() {
    if (!element.isConnected || !height) return;
    const { top } = element.getBoundingClientRect();
    const first = Math.max(Math.floor(-top / height) - BEYOND, 0);
    const last = Math.min(Math.ceil((innerHeight - top) / height) + BEYOND, rows.length);
    for (const [index, row] of drawn) {
      if ((index >= first && index < last) || row.contains(document.activeElement)) continue;
      row.remove();
      drawn.delete(index);
    }
    for (let index = first; index < last; index += 1) one(index);
  }

  function one(index) {
    const known = drawn.get(index);
    if (known) return known;
    const row = h('div', { class: 'windowed-row', role: 'listitem', 'aria-setsize': rows.length, 'aria-posinset': index + 1 }, cells(rows[index]));
    row.style.top = `${index * height}px`;
    const reached = row.querySelector('a');
    if (reached) {
      reached.tabIndex = index === current ? 0 : -1;
      reached.addEventListener('focus', () => { current = index; });
    }
    // The order of the document is the order of the rows.
    const behind = [...drawn.keys()].filter((other) => other > index);
    element.insertBefore(row, behind.length ? drawn.get(Math.min(...behind)) : null);
    drawn.set(index, row);
    return row;
  }

  element.addEventListener('keydown', (event) => {
    const by = MOVES[event.key];
    if (by === undefined || !rows.length) return;
    event.preventDefault();
    const before = drawn.get(current)?.querySelector('a');
    current = Math.min(Math.max(current + by, 0), rows.length - 1);
    const reached = one(current).querySelector('a');
    if (before) before.tabIndex = -1;
    if (!reached) return;
    reached.tabIndex = 0;
    reached.closest('.windowed-row').scrollIntoView({ block: 'nearest' });
    reached.focus({ preventScroll: true });
  });
  addEventListener('scroll', draw, { passive: true });
  addEventListener('resize', again);
  return { element, show };
}
