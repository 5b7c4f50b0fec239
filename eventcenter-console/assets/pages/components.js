// Core components: what happened to which, known faults first, over time by component or by reason.
//
// The view: `by` (what the picture is stacked by), `problems` (level Warning and above alone).

import { get } from '../lib/api.js';
import { bars } from '../lib/chart.js';
import { h } from '../lib/dom.js';
import { lacks, level, levelMark, nothing, objectLink, samples, section, when } from '../lib/parts.js';
import { spoken, zoom } from '../lib/range.js';
import { page } from '../lib/shell.js';
import { instant, offset } from '../lib/time.js';
import { drawnUntil, stacked } from '../lib/trend.js';
import { all, go, link, scope, term } from '../lib/view.js';
import { compact, number, t } from '../lib/words.js';

const PROBLEMS = 'level >= Warning';
const BY = ['component', 'reason'];
/** Rows of the table that are shown at once. */
const SHOWN = 60;

page({
  load: (now, signal) => get('components', { ...scope(), query: now.problems ? PROBLEMS : null, offset: offset() }, { signal }),
  show(told, now) {
    const statement = all(told.statement, now.problems && PROBLEMS);
    const events = (...more) => link('/events', { query: all(told.statement, now.problems && PROBLEMS, ...more) });
    return [
      lacks(told),
      h('p', { class: 'faint' }, t('components.what')),
      h('p', { class: 'statement' }, h('code', { class: 'mono' }, statement), ' ', h('a', { href: events() }, t('components.in_details'))),
      totals(told, now, events),
      told.rows.length ? [trend(told, now), tasks(told), table(told, events)] : section(t('page.components'), {}, nothing(t('components.none'))),
    ];
  },
});

function totals({ levels }, now, events) {
  const tile = (name) => {
    const count = levels[name.toLowerCase()];
    return h('a', { class: `tile ${count ? levelMark(name) : ''}`, href: events(term('level', name)) }, h('span', {}, t(`level.${name}`)), h('b', { title: number(count) }, compact(count)));
  };
  const problems = h('label', { class: 'tile check' }, h('span', {}, spoken()), h('span', {},
    h('input', { id: 'problems', type: 'checkbox', checked: Boolean(now.problems), onchange: (event) => go({ problems: event.target.checked ? '1' : null }) }), ` ${t('components.problems')}`));
  return h('div', { class: 'tiles' }, ['Error', 'Warning', 'Normal'].map(tile), problems);
}

function trend(told, now) {
  const by = BY.includes(now.by) ? now.by : BY[0];
  const series = told[`by_${by}`];
  const step = told.step_seconds * 1000;
  const sorted = stacked(series.length, series.flatMap(({ buckets }, place) => buckets.map(([at, count]) => [at, place, count])));
  const until = drawnUntil(told.range, sorted, step);
  const choice = h('div', { class: 'quick', role: 'group', 'aria-label': t('components.stacked') }, BY.map((one) =>
    h('button', { 'aria-pressed': String(one === by), onclick: () => go({ by: one === BY[0] ? null : one }, { replace: true }) }, t(`components.by.${one}`))));
  return section(t('components.trend'), {}, choice, bars({
    label: t('components.trend'),
    // The rest has no colour of its own.
    series: series.map(({ name }, index) => ({ name: name || t('parts.others'), mark: name ? `series-${index}` : 'level-normal' })),
    step,
    from: Date.parse(told.range.from),
    until,
    buckets: sorted,
    onBrush: zoom,
  }));
}

function tasks({ tasks: newest }) {
  if (!newest.length) return null;
  return section(t('components.tasks'), {}, samples(t('components.tasks'), newest.slice(0, 10)),
    h('p', { class: 'more' }, h('a', { href: link('/events', { query: 'reason : NLC.*' }) }, t('components.more'))));
}

function table({ rows }, events) {
  const title = t('components.table');
  const head = ['component', 'level', 'reason', 'count', 'newest', 'message'];
  const body = h('tbody', {}, rows.slice(0, SHOWN).map((row) => one(row, events)));
  const more = h('button', { hidden: rows.length <= SHOWN, onclick: () => {
    body.append(...rows.slice(SHOWN).map((row) => one(row, events)));
    more.hidden = true;
    body.children[SHOWN].querySelector('a').focus();
  } }, t('components.all_rows', { n: number(rows.length) }));
  return section(title, {}, h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title },
    h('table', { class: 'stacked components' }, h('thead', {}, h('tr', {}, head.map((name) => h('th', { scope: 'col', class: name === 'count' ? 'number' : null }, t(`components.column.${name}`))))), body)), more);
}

function one(row, events) {
  const which = [row.workload ? term('workload', row.workload) : null, row.reporter && term('component', row.reporter), term('reason', row.reason), term('level', row.level)];
  const { newest } = row;
  return h('tr', {},
    h('td', {}, h('strong', {}, row.component || '–'), row.workload && row.reporter ? h('div', { class: 'faint' }, t('components.said_by', { name: row.reporter })) : ''),
    h('td', {}, level(row.level)),
    h('td', {}, h('a', { href: events(...which) }, row.reason), row.class ? [' ', h('span', { class: 'badge level-error', title: t('components.known') }, row.class)] : ''),
    h('td', { class: 'number' }, number(row.count)),
    h('td', {}, newest ? [when(newest.at), h('div', {}, objectLink(newest))] : '–'),
    h('td', {}, newest ? h('span', { class: 'message', title: `${instant(newest.at)} ${newest.message.slice(0, 1500)}` }, newest.message.slice(0, 600)) : '–'));
}
