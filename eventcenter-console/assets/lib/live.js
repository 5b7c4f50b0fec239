// The live tail: what matches is shown as it is taken. A connection that broke goes on where it was.

import { address } from './api.js';
import { h, put } from './dom.js';
import { number, t } from './words.js';

/** While it is paused, or the reader looks at what is further down, so many rows wait; what is more is only counted. */
const WAITING = 500;
/** What arrives in this time (milliseconds) is drawn at once. */
const TOGETHER = 100;
/** Between two tries where the server has refused. */
const AGAIN = 3000;

/**
 * @param {object} tail
 * @param {() => void} tail.onToggle the reader switches it on or off
 * @param {(rows: object[]) => void} tail.onRows rows to show, oldest first
 * @param {() => void} tail.onMissed more have arrived than were kept: everything is to be read anew
 * @param {() => boolean} tail.isFollowed whether the reader looks at the newest
 */
export function liveTail({ onToggle, onRows, onMissed, isFollowed }) {
  const button = h('button', { id: 'live', type: 'button', 'aria-pressed': 'false', onclick: onToggle }, t('live.start'));
  const pause = h('button', { id: 'pause', type: 'button', hidden: true, 'aria-pressed': 'false', onclick: () => hold(!state.isHeld) });
  const note = h('span', { class: 'faint', id: 'live-note' });
  const more = h('button', { class: 'primary', id: 'live-more', type: 'button', hidden: true, onclick: () => release() });
  let state = idle();

  function idle() {
    return { source: null, params: {}, last: null, isHeld: false, waiting: [], missed: 0, drawn: null, again: null };
  }

  function stop() {
    state.source?.close();
    clearTimeout(state.drawn);
    clearTimeout(state.again);
    state = idle();
    put(note);
    draw();
  }

  /** Listens for what matches; fulfilled when it does: what is taken from then on arrives. */
  function start(params) {
    stop();
    state.params = params;
    const isHeard = listen();
    draw();
    return isHeard;
  }

  function listen() {
    const mine = state;
    const source = (mine.source = new EventSource(address('live', { ...mine.params, after: mine.last })));
    source.onmessage = ({ data, lastEventId }) => {
      mine.last = lastEventId;
      take(mine, JSON.parse(data));
    };
    source.addEventListener('problem', ({ data }) => put(note, JSON.parse(data).detail));
    return new Promise((heard) => {
      source.onopen = () => {
        put(note, t('live.on'));
        heard();
      };
      source.onerror = () => {
        heard();
        if (mine !== state) return;
        put(note, t('live.broken'));
        // The browser tries again by itself, but not where it was refused.
        if (source.readyState === EventSource.CLOSED) mine.again = setTimeout(listen, AGAIN);
      };
    });
  }

  function take(mine, row) {
    mine.waiting.push(row);
    if (mine.waiting.length > WAITING) {
      mine.waiting.shift();
      mine.missed += 1;
    }
    const late = Date.now() - Date.parse(row.received);
    // A clock that differs from the server's says nothing, and a connection that goes on after a pause nothing of now.
    if (late >= 0 && late < 60_000) put(note, t('live.delay', { n: number(late) }));
    mine.drawn ??= setTimeout(() => {
      mine.drawn = null;
      if (!mine.isHeld && isFollowed()) release();
      else draw();
    }, TOGETHER);
  }

  function release() {
    const { waiting, missed } = state;
    Object.assign(state, { waiting: [], missed: 0 });
    if (missed) onMissed();
    else if (waiting.length) onRows(waiting);
    draw();
  }

  function hold(isHeld) {
    state.isHeld = isHeld;
    if (!isHeld) release();
    draw();
  }

  function draw() {
    const isOn = state.source !== null;
    button.setAttribute('aria-pressed', String(isOn));
    put(button, isOn ? t('live.stop') : t('live.start'));
    pause.hidden = !isOn;
    pause.setAttribute('aria-pressed', String(state.isHeld));
    put(pause, state.isHeld ? t('live.resume') : t('live.pause'));
    const count = state.waiting.length + state.missed;
    more.hidden = count === 0;
    put(more, t('live.waiting', { n: number(count) }));
  }

  addEventListener('pagehide', () => state.source?.close());
  return { controls: h('span', { class: 'quick' }, note, more, pause, button), start, stop };
}
