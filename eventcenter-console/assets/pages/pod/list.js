// The events of a life as a list, in step with the picture above: what the window shows, the levels that are shown,
// what is pointed at, what is chosen.

import { h, put } from '../../lib/dom.js';
import { eventsLink, level, levelMark, when } from '../../lib/parts.js';
import { instant, span } from '../../lib/time.js';
import { link, term } from '../../lib/view.js';
import { many, number, t } from '../../lib/words.js';

const SHOWN = 150;
/** Of a message, so much is shown until all of it is asked for: it may be a megabyte. */
const LONG = 3000;
const MOMENTS = 60;

/**
 * @param {object} list
 * @param {object} list.life made ready
 * @param {string} list.cluster
 * @param {(id: string | null) => void} list.onHover
 * @param {(id: string | null) => void} list.onChoose
 */
export function eventList({ life, cluster, onHover, onChoose }) {
  const body = h('tbody', {});
  const note = h('p', { class: 'faint', role: 'status' });
  const more = h('button', { hidden: true, onclick: () => { state.shown += SHOWN * 4; draw(); } }, t('pod.list_more'));
  const columns = [t('parts.time'), t('pod.level'), t('pod.lane'), t('parts.reason'), t('parts.count'), t('parts.message')];
  const table = h('table', { class: 'life-list' }, h('thead', {}, h('tr', {}, columns.map((title) => h('th', { scope: 'col' }, title)))), body);
  const box = h('div', { class: 'scroll', role: 'region', 'aria-label': t('pod.list') }, table);
  const newest = [...life.points].sort((a, b) => b.until - a.until);
  const made = new Map();
  const state = { window: life.whole, levels: null, hot: null, chosen: null, shown: SHOWN };

  function draw() {
    const [from, until] = state.window;
    const isSeen = (point) =>
      point.until >= from && point.from <= until && (!state.levels || state.levels.has(point.level)) && point.moments.some(({ at }) => at >= from && at <= until);
    const seen = newest.filter(isSeen);
    const rows = seen.slice(0, state.shown);
    // What is chosen is there, however far down.
    const chosen = seen.find((point) => point.id === state.chosen);
    if (chosen && !rows.includes(chosen)) rows.push(chosen);
    put(body, rows.map(({ id }) => [row(id), id === state.chosen && detail(id)]));
    put(note, seen.length === newest.length ? many('parts.events', newest.length) : t('pod.list_of', { n: number(seen.length), all: number(newest.length) }));
    more.hidden = seen.length <= state.shown;
  }

  const points = new Map(newest.map((point) => [point.id, point]));

  function row(id) {
    if (!made.has(id)) made.set(id, make(points.get(id)));
    const element = made.get(id);
    element.classList.toggle('chosen', id === state.chosen);
    element.querySelector('button').setAttribute('aria-expanded', String(id === state.chosen));
    return element;
  }

  function make(point) {
    const lasts = point.until > point.from;
    const element = h('tr', { class: levelMark(point.level), 'data-id': point.id },
      h('td', { class: 'time' }, when(point.until), lasts && h('div', { class: 'faint' }, t('pod.for', { span: span(point.until - point.from) }))),
      h('td', {}, level(point.level)),
      h('td', { class: 'lane-cell' }, point.lane),
      h('td', {}, h('button', { class: 'quiet reason', onclick: (event) => { event.stopPropagation(); choose(point.id); } }, point.reason)),
      h('td', { class: 'number' }, `${point.moments.some(({ estimated }) => estimated) ? '≥ ' : ''}${number(point.count)}`),
      h('td', {}, h('span', { class: 'message' }, point.message.slice(0, 600))));
    element.addEventListener('click', () => !getSelection().toString() && choose(point.id));
    element.addEventListener('pointerenter', () => onHover(point.id));
    element.addEventListener('pointerleave', () => onHover(null));
    element.addEventListener('focusin', () => onHover(point.id));
    element.addEventListener('focusout', () => onHover(null));
    return element;
  }

  function choose(id) {
    state.chosen = state.chosen === id ? null : id;
    draw();
    made.get(id).querySelector('button').focus({ preventScroll: true });
    onChoose(state.chosen);
  }

  function detail(id) {
    const point = points.get(id);
    const about = (name, value) => value && [h('dt', {}, name), h('dd', {}, value)];
    const message = h('p', { class: 'whole-message' }, point.message.slice(0, LONG), point.message.length > LONG ? '… ' : '');
    if (point.message.length > LONG) {
      message.append(h('button', { onclick: () => put(message, point.message) }, t('pod.whole_message', { n: number(point.message.length) })));
    }
    const moments = point.moments.slice(-MOMENTS).reverse().map(({ at, rise }) => h('li', {}, instant(at), rise > 1 ? ` ×${number(rise)}` : ''));
    return h('tr', { class: 'detail' }, h('td', { colspan: columns.length }, message,
      h('dl', { class: 'facts' },
        about(t('pod.first'), instant(point.first && Date.parse(point.first) < point.from ? point.first : point.from)),
        about(t('pod.last'), instant(point.until)),
        about(t('parts.container'), point.container),
        about(t('parts.node'), point.node),
        about(t('pod.component'), point.component),
        about(t('pod.class'), point.class)),
      point.moments.length > 1 && h('details', {}, h('summary', {}, t('pod.moments', { n: number(point.moments.length) })), h('ol', { class: 'moments' }, moments,
        point.moments.length > MOMENTS && h('li', { class: 'faint' }, t('parts.more', { n: number(point.moments.length - MOMENTS) })))),
      h('p', { class: 'quick' },
        point.uid && h('a', { href: link('/events', { cluster, open: `${cluster}/${point.uid}`, query: term('uid', point.uid) }) }, t('pod.raw')),
        h('a', { href: eventsLink(term('reason', point.reason)) }, t('pod.same_reason')))));
  }

  // The arrow keys walk from row to row.
  body.addEventListener('keydown', (event) => {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rows = [...body.querySelectorAll('button.reason')];
    const at = rows.indexOf(event.target);
    if (event.key === 'Escape' && state.chosen) choose(state.chosen);
    else if (way && at >= 0) rows[at + way]?.focus();
    else return;
    event.preventDefault();
  });

  draw();
  return {
    element: h('div', { class: 'life-events' }, note, box, more),
    /** Changes what is shown: `window`, `levels`. */
    show(changes) {
      Object.assign(state, changes, { shown: SHOWN });
      draw();
    },
    /** What is pointed at in the picture. */
    hover(id) {
      if (state.hot === id) return;
      made.get(state.hot)?.classList.remove('hot');
      made.get(id)?.classList.add('hot');
      state.hot = id;
    },
    /** What is chosen in the picture: its row opens. */
    choose(id) {
      state.chosen = id;
      draw();
    },
    /** Brings a row into sight. */
    reveal: (id) => made.get(id)?.scrollIntoView({ block: 'nearest' }),
  };
}
