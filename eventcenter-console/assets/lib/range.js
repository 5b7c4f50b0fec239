// The range: so far back from now, or from and until. It stands in the URL.

import { h } from './dom.js';
import { DAY, HOUR, MINUTE, fieldOf, instant, ofField, span } from './time.js';
import { go, view } from './view.js';
import { t } from './words.js';

const BACK = ['15m', '1h', '6h', '24h', '3d', '7d', '30d', 'all'];
const LENGTHS = { m: MINUTE, h: HOUR, d: DAY };

/** A text such as `24h` in milliseconds; none for `all`. */
export function length(back) {
  const found = /^(\d+)([mhd])$/.exec(back);
  return found ? Number(found[1]) * LENGTHS[found[2]] : null;
}

/** The range of the view in milliseconds since 1970; `from` is null for all that is kept. */
export function bounds({ since, from, until } = view()) {
  const end = until ? Date.parse(until) : Date.now();
  if (from) return { from: Date.parse(from), until: end };
  const back = length(since);
  return { from: back === null ? null : end - back, until: end };
}

/** Looks at what lies between two times. */
export const zoom = (from, until) =>
  go({ from: new Date(Math.floor(from)).toISOString(), until: new Date(Math.ceil(until)).toISOString() });

/** In words: `24 hours`, or the two times. */
export function spoken({ since, from, until } = view()) {
  if (!from) return BACK.includes(since) ? t(`range.${since}`) : t('range.last', { span: since });
  return `${instant(Date.parse(from))} – ${until ? instant(Date.parse(until)) : t('range.now')}`;
}

export function rangePicker() {
  const now = view();
  const { from, until } = bounds(now);
  const shown = { from: from ?? until - DAY, until };
  const field = (id, label, at) =>
    h('label', {}, h('span', {}, label), h('input', { id, type: 'datetime-local', step: '1', value: fieldOf(at) }));
  const quick = BACK.map((back) =>
    h('button', { type: 'button', 'aria-pressed': String(now.since === back), onclick: () => choose({ since: back, from: null, until: null }) }, t(`range.${back}`)));
  const exact = h('form', { onsubmit: taken }, field('range-from', t('range.from'), shown.from), field('range-until', t('range.until'), shown.until),
    h('button', {}, t('range.use')));
  const wider = (by) => () => {
    const middle = (shown.from + shown.until) / 2;
    const half = ((shown.until - shown.from) / 2) * by;
    choose(null);
    zoom(middle - half, Math.min(middle + half, Math.max(Date.now(), shown.until)));
  };
  const step = (way) => () => {
    const by = way * (shown.until - shown.from);
    zoom(shown.from + by, shown.until + by);
  };
  const menu = h('details', { class: 'menu', id: 'range' },
    h('summary', { title: t('range.title') }, spoken(now)),
    h('div', { class: 'sheet' }, h('div', { class: 'quick' }, quick), exact,
      h('div', { class: 'quick' }, h('button', { type: 'button', onclick: wider(2) }, t('range.wider')), h('button', { type: 'button', onclick: wider(0.5) }, t('range.closer')),
        h('span', { class: 'faint' }, t('range.length', { span: span(shown.until - shown.from) })))));

  function choose(changes) {
    menu.open = false;
    if (changes) go(changes);
  }
  function taken(event) {
    event.preventDefault();
    const [begin, end] = ['range-from', 'range-until'].map((id) => ofField(document.getElementById(id).value));
    if (!(end > begin)) return document.getElementById('range-until').setCustomValidity(t('range.empty')) ?? exact.reportValidity();
    menu.open = false;
    zoom(begin, end);
  }
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    menu.open = false;
    menu.querySelector('summary').focus();
  });
  menu.addEventListener('input', () => document.getElementById('range-until').setCustomValidity(''));
  return h('div', { class: 'range' },
    h('button', { class: 'quiet', onclick: step(-1), title: t('range.before'), 'aria-label': t('range.before') }, '‹'),
    menu,
    h('button', { class: 'quiet', onclick: step(1), title: t('range.after'), 'aria-label': t('range.after'), disabled: !now.until }, '›'));
}

document.addEventListener('pointerdown', (event) => {
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
