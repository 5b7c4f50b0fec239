// A list of any length, of which a part is held: pages are read on in both directions and joined without a seam.
//
// The list is what `events` answers for a statement, a range and an order. How long it is nobody knows without reading
// it; it is believed to be as long as the histogram's counts and the first page say, and so is the place of what is
// held in it. When an end has been reached, that is put right. At most `KEPT` rows are held.

import { get } from './api.js';

const PAGE = 200;
const KEPT = 1600;
/** Characters of a message that a list shows. */
const CUT = 400;

// An end of what is held: whether the list ends there too, and if not, how it is read on.
const open = (next = null) => ({ isReached: false, next });
const end = (next) => (next ? open(next) : { isReached: true });

/** What an event is known by: `cluster/uid`, in neither of which a slash stands for itself. */
export const idOf = (row) => [row.cluster.id, row.uid || row.id].map(encodeURIComponent).join('/');

/**
 * @param {object} feed
 * @param {(by: number) => void} feed.onShift what is held stands `by` rows further down than was believed
 * @param {() => void} feed.onChange other rows are held, or the length is another
 * @param {(error: Error) => void} feed.onTrouble a page could not be read
 */
export function feed({ onShift, onChange, onTrouble }) {
  let f = blank({}, new AbortController().signal);

  function blank(params, signal) {
    return {
      params,
      signal,
      rows: [],
      // Where rows[0] stands in the whole, and how long the whole is.
      first: 0,
      count: 0,
      // An end that is cut off becomes another object: what had been asked for the old one is not joined to the new.
      head: end(null),
      tail: open(),
      // Occurrences over time, in the order of the list, and their sum.
      counts: [],
      total: 0,
      isAsked: false,
    };
  }

  const order = () => f.params.order ?? 'newest';
  const isNewest = () => order() === 'newest';
  const opposite = () => (isNewest() ? 'oldest' : 'newest');

  async function page(of, more) {
    const answer = await get('events', { ...of.params, cut: CUT, limit: PAGE, ...more }, { signal: of.signal });
    for (const row of answer.events) row.at = Date.parse(row.time);
    return answer;
  }

  /** Begins anew; what was held stays until the answer is there. */
  async function load(params, signal) {
    const fresh = blank(params, signal);
    const answer = await page(fresh, {});
    f = Object.assign(fresh, { rows: answer.events, tail: end(answer.next), count: answer.events.length });
    onChange();
    return answer;
  }

  /** How often events occurred over time (`{ at, step, count }`, oldest first): the length of the list is derived from it. */
  function expect(counts, total) {
    f.counts = isNewest() ? [...counts].reverse() : counts;
    f.total = total;
    if (f.tail.isReached) return;
    // The events of the first page occurred so often each, and so do the others, it is believed.
    const often = f.rows.reduce((sum, row) => sum + row.occurrences, 0) / f.rows.length || 1;
    f.count = Math.max(Math.round(total / often), f.first + f.rows.length + 1);
    onChange();
  }

  /** The time at which so many rows of the list lie before. */
  function timeAt(place) {
    const wanted = (place / f.count) * f.total;
    let before = 0;
    for (const { at, step, count } of f.counts) {
      if (before + count > wanted) {
        const part = (wanted - before) / count;
        return new Date(at + step * (isNewest() ? 1 - part : part)).toISOString();
      }
      before += count;
    }
    return null;
  }

  /** Reads what is believed to stand at a place; `shown` rows of it are to be seen. */
  async function jump(place, shown) {
    const from = f;
    const isEnd = place + shown >= f.count;
    const after = place <= 0 || isEnd ? null : timeAt(place);
    try {
      const answer = await page(from, { after, order: isEnd ? opposite() : order() });
      if (from !== f) return;
      const { rows, head, tail, first } = isEnd
        ? { rows: answer.events.reverse(), head: end(answer.next), tail: end(null), first: f.count - answer.events.length }
        : { rows: answer.events, head: after ? open() : end(null), tail: end(answer.next), first: after ? place : 0 };
      f = Object.assign({ ...from }, { rows, head, tail, first, isAsked: false });
      settle();
    } catch (error) {
      told(from, error);
    }
  }

  /** Reads on at an end, `head` or `tail`. */
  async function extend(way) {
    const [mine, edge] = [f, f[way]];
    if (edge.isReached || mine.isAsked || !mine.rows.length) return;
    mine.isAsked = true;
    const isTail = way === 'tail';
    const last = mine.rows.at(isTail ? -1 : 0);
    let answer;
    try {
      answer = await page(mine, { order: isTail ? order() : opposite(), after: edge.next ?? last.time });
    } catch (error) {
      return told(mine, error);
    } finally {
      mine.isAsked = false;
    }
    if (mine !== f || mine[way] !== edge) return;
    // Read on by its time, a row comes again; and one that has occurred anew meanwhile is held already.
    const held = new Set(mine.rows.map(idOf));
    const more = answer.events.filter((row) => !held.has(idOf(row)));
    mine[way] = end(answer.next);
    if (isTail) mine.rows.push(...more);
    else {
      mine.rows.unshift(...more.reverse());
      mine.first -= more.length;
    }
    trim(isTail ? 'head' : 'tail');
    settle();
  }

  function trim(way) {
    const over = f.rows.length - KEPT;
    if (over <= 0) return;
    f[way] = open();
    if (way === 'tail') f.rows.length = KEPT;
    else {
      f.rows.splice(0, over);
      f.first += over;
    }
  }

  /** Puts right what is believed, where more is known now. */
  function settle() {
    const last = () => f.first + f.rows.length;
    // With the beginning held it is known where everything stands; before it there is always room for what may come.
    const by = f.head.isReached ? -f.first : Math.max(PAGE - f.first, 0);
    if (by) {
      f.first += by;
      f.count += by;
      onShift(by);
    }
    f.count = f.tail.isReached ? last() : Math.max(f.count, last() + PAGE);
    onChange();
  }

  /** Takes rows that have just arrived (oldest first) into the beginning of the list; an event that recurs moves up. */
  function arrived(rows) {
    const newest = new Map(rows.map((row) => [idOf(row), Object.assign(row, { at: Date.parse(row.time) })]));
    const before = f.rows.length;
    const others = f.rows.filter((row) => !newest.has(idOf(row)));
    f.rows = [...[...newest.values()].reverse(), ...others].sort((a, b) => b.at - a.at);
    f.count += f.rows.length - before;
    trim('tail');
    onChange();
  }

  function told(of, error) {
    if (of === f && error.name !== 'AbortError') onTrouble(error);
  }

  return {
    load,
    expect,
    jump,
    extend,
    arrived,
    get rows() { return f.rows; },
    get first() { return f.first; },
    get count() { return f.count; },
    /** Whether the list begins with what is held. */
    get isHead() { return f.head.isReached; },
    get isWhole() { return f.head.isReached && f.tail.isReached; },
  };
}
