// The live tail: what matches is shown as it is taken. A connection that broke goes on where it was.

import { address } from './api.js';
import { h, put } from './dom.js';
import { go, view } from './view.js';
import { number, t } from './words.js';

/** While it is paused, or the reader looks at what is further down, so many rows wait; what is more is only counted. */
const WAITING = 500;

/**
 * @param {object} tail
 * @param {(rows: object[]) => void} tail.onRows oldest first
 * @param {() => boolean} tail.isFollowed whether the reader looks at the newest
 */
export function liveTail({ onRows, isFollowed }) {
  const button = h('button', { id: 'live', 'aria-pressed': 'false', onclick: toggle }, t('live.start'));
  const pause = h('button', { id: 'pause', hidden: true, 'aria-pressed': 'false', onclick: () => hold(!state.held) }, t('live.pause'));
  const note = h('span', { class: 'faint', id: 'live-note', role: 'status' });
  const more = h('button', { class: 'primary', id: 'live-more', hidden: true, onclick: () => release() });
  const state = { source: null, about: {}, held: false, waiting: [], missed: 0, due: null };

  function toggle() {
    go({ live: view().live ? null : '1' }, { replace: true });
    start(state.about);
  }

  /** Listens to what matches, if the view says so. */
  function start(about) {
    state.about = about;
    state.source?.close();
    Object.assign(state, { source: null, waiting: [], missed: 0, held: false });
    const isLive = Boolean(view().live);
    button.setAttribute('aria-pressed', String(isLive));
    button.textContent = isLive ? t('live.stop') : t('live.start');
    pause.hidden = !isLive;
    pause.setAttribute('aria-pressed', 'false');
    put(note);
    draw();
    if (!isLive) return;
    const source = (state.source = new EventSource(address('live', about)));
    source.onopen = () => put(note, t('live.on'));
    source.onerror = () => put(note, t('live.broken'));
    source.onmessage = ({ data }) => take(JSON.parse(data));
  }

  function take(row) {
    state.waiting.push(row);
    if (state.waiting.length > WAITING) {
      state.waiting.shift();
      state.missed += 1;
    }
    const late = Date.now() - Date.parse(row.received);
    // A clock that differs from the server's says nothing.
    if (late >= 0 && late < 60_000) put(note, t('live.delay', { n: number(late) }));
    // Many at once are drawn at once.
    state.due ??= setTimeout(() => {
      state.due = null;
      if (!state.held && isFollowed()) release();
      else draw();
    }, 100);
  }

  function release() {
    const rows = state.waiting;
    state.waiting = [];
    state.missed = 0;
    if (rows.length) onRows(rows);
    draw();
  }

  function hold(held) {
    state.held = held;
    pause.setAttribute('aria-pressed', String(held));
    if (!held) release();
  }

  function draw() {
    const count = state.waiting.length + state.missed;
    more.hidden = count === 0;
    more.textContent = t('live.waiting', { n: number(count) });
  }

  addEventListener('pagehide', () => state.source?.close());
  return { controls: h('span', { class: 'quick' }, note, more, pause, button), start };
}
