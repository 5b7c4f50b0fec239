// What a statement's events can be narrowed by: values with their counts, and the terms that are there already.

import { get } from './api.js';
import { add, h, put } from './dom.js';
import { LEVELS, level } from './parts.js';
import { status } from './shell.js';
import { term, terms, withTerm, without } from './terms.js';
import { compact, number, t } from './words.js';

/** What is summed as events arrive, and counted at once. */
const SUMMED = ['level', 'class', 'reason', 'namespace', 'cluster'];
/** What a histogram is asked for, to count these in the same pass. */
export const COUNTED_WITH = { facets: SUMMED.join(','), top: 8 };
/** What has to be counted event by event: at once among few, and among many when the reader asks for it. */
const COUNTED = ['workload', 'node', 'kind', 'component'];
const FEW = 50_000;
/** Values of a facet that are shown, and those that are read when the reader asks for the others. */
const SHOWN = COUNTED_WITH.top;
const MOST = 500;

/**
 * @param {object} narrowing
 * @param {(change: (statement: string) => string) => void} narrowing.onChange the statement becomes another
 */
export function narrowing({ onChange }) {
  const chips = h('div', { class: 'chips' });
  const box = h('div', { class: 'facets' });
  // What was asked, and the terms of its statement.
  let now = { params: {}, signal: null, terms: new Set() };

  const keep = (one) => onChange((statement) => withTerm(statement, one));
  const remove = (one) => onChange((statement) => without(statement, one));

  /** Facets of `COUNTED` that the reader has asked for. */
  const wanted = new Set();

  /** Shows the facets of a histogram of `params`, and asks for the others if that costs little. */
  async function show(facets, params, signal) {
    now = { params, signal, terms: new Set(terms(params.query ?? '')) };
    const isFew = facets[0].total <= FEW;
    // Who is among them with the keys stays there.
    const before = box.contains(document.activeElement) ? document.activeElement.dataset.of : null;
    const later = COUNTED.map((by) => h('section', {}, h('h3', {}, h('button', { class: 'quiet', type: 'button', tabindex: '-1', 'data-of': by, onclick: () => ask(by) }, `${t(`facet.${by}`)} ▸`))));
    put(box, facets.map((facet) => group(facet)), later);
    const some = COUNTED.filter((by) => isFew || wanted.has(by));
    const filled = some.length && fill(some, some.map((by) => later[COUNTED.indexOf(by)]));
    if (isFew) await filled;
    const same = before && [...box.querySelectorAll('button')].find((one) => one.dataset.of === before);
    stop(same || box.querySelector('button'), { focus: Boolean(before) });

    function ask(by) {
      wanted.add(by);
      fill([by], [later[COUNTED.indexOf(by)]], { focus: true });
    }
  }

  /** Counts facets in one pass, and puts each in the place of its section; that stays, with a note, where it cannot be. */
  async function fill(names, sections, { focus = false, top = SHOWN } = {}) {
    const { params, signal } = now;
    sections.forEach((section) => section.setAttribute('aria-busy', 'true'));
    try {
      const { facets } = await get('facets', { ...params, by: names.join(','), top }, { signal });
      facets.forEach((facet, at) => replace(sections[at], facet, { focus, top }));
    } catch (error) {
      if (error.name === 'AbortError') return;
      sections.forEach((section) => add(section, h('p', { class: 'faint', role: 'alert' }, error.message || t('shell.no_answer'))));
    } finally {
      sections.forEach((section) => section.removeAttribute('aria-busy'));
    }
  }

  function replace(section, facet, { focus, top }) {
    const whole = group(facet);
    if (!whole) return section.remove();
    section.replaceWith(whole);
    const buttons = whole.querySelectorAll('button.only');
    if (focus) stop(buttons[top > SHOWN ? SHOWN : 0] ?? buttons[0], { focus });
  }

  function group({ by, groups, others }) {
    const named = groups.filter(({ values: [value] }) => value);
    // One cluster is no choice.
    if (!named.length || (by === 'cluster' && named.length < 2)) return null;
    if (by === 'level') named.sort((a, b) => LEVELS.indexOf(b.values[0]) - LEVELS.indexOf(a.values[0]));
    const most = Math.max(...named.map(({ count }) => count));
    const section = h('section', { 'aria-label': t(`facet.${by}`) }, h('h3', {}, t(`facet.${by}`)), h('ul', {}, named.map((one) => facet(by, one, most))),
      others > 0 && named.length <= SHOWN && h('button', { class: 'quiet others', type: 'button', tabindex: '-1', onclick: () => fill([by], [section], { focus: true, top: MOST }) }, h('span', {}, t('parts.others')), h('b', {}, compact(others))));
    return section;
  }

  function facet(by, { values: [value], count }, most) {
    const one = term(by, value);
    const isThere = now.terms.has(one);
    const include = () => (isThere ? remove(one) : keep(one));
    const exclude = () => keep(`not ${one}`);
    const bar = h('i', { class: 'bar', 'aria-hidden': 'true' });
    bar.style.inlineSize = `${Math.max((count / most) * 100, 1)}%`;
    const name = by === 'cluster' ? nameOf(value) : value;
    return h('li', {},
      h('button', { class: 'quiet only', type: 'button', 'data-of': one, tabindex: '-1', 'aria-pressed': String(isThere), title: t('narrow.only', { value: name }), onclick: (event) => (event.altKey ? exclude() : include()) },
        h('span', {}, by === 'level' ? level(value) : name), h('b', { title: number(count) }, compact(count))),
      h('button', { class: 'quiet not', type: 'button', 'data-of': `not ${one}`, tabindex: '-1', title: t('narrow.not', { value: name }), 'aria-label': t('narrow.not', { value: name }), onclick: exclude }, '−'), bar);
  }

  /** One button of all facets is in the order of Tab; the arrows lead to the others. */
  function stop(button, { focus = false } = {}) {
    box.querySelectorAll('[tabindex="0"]').forEach((one) => one.setAttribute('tabindex', '-1'));
    button?.setAttribute('tabindex', '0');
    if (focus) button?.focus();
  }

  box.addEventListener('focusin', ({ target }) => target.matches('button') && stop(target));
  box.addEventListener('keydown', (event) => {
    const isNot = event.target.matches('.not');
    const rows = [...box.querySelectorAll('.only, .others, h3 button')];
    const at = rows.indexOf(isNot ? event.target.previousSibling : event.target);
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (way) {
      const next = rows[Math.min(Math.max(at + way, 0), rows.length - 1)];
      const beside = next.nextSibling;
      stop(isNot && beside?.matches?.('.not') ? beside : next, { focus: true });
    } else if (event.key === 'ArrowRight' && event.target.matches('.only')) stop(event.target.nextSibling, { focus: true });
    else if (event.key === 'ArrowLeft' && isNot) stop(event.target.previousSibling, { focus: true });
    else return;
    event.preventDefault();
  });

  /** Shows the terms of a statement, each of which can be taken away. */
  function showTerms(statement) {
    put(chips, terms(statement).map((one) => h('span', { class: 'chip' }, h('span', { class: 'mono' }, one.slice(0, 200)),
      h('button', { type: 'button', 'aria-label': t('narrow.remove', { term: one.slice(0, 200) }), title: t('narrow.remove', { term: one.slice(0, 200) }), onclick: () => remove(one) }, '×'))));
  }

  return { chips, facets: box, show, showTerms };
}

const nameOf = (id) => status?.store.clusters.find(({ cluster }) => cluster.id === id)?.cluster.name || id;
