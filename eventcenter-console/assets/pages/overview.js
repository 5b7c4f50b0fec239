// What happened, what is worse than usual, and what to look at first.

import { get } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { eventsLink, lacks, levelMark, nodeLink, nothing, podLink, ranking, samples, section, table, when } from '../lib/parts.js';
import { spoken } from '../lib/range.js';
import { page } from '../lib/shell.js';
import { DAY, offset } from '../lib/time.js';
import { levelTrend } from '../lib/trend.js';
import { link, scope, term, view } from '../lib/view.js';
import { compact, number, t } from '../lib/words.js';

const NOTABLE = 'level >= Warning';

page({
  load: (_, signal) => get('overview', { ...scope(), offset: offset() }, { signal }),
  show: (told) => [
    lacks(told),
    h('p', { class: 'faint' }, spoken(), told.estimated > 0 ? ` · ${t('overview.estimated', { n: number(told.estimated) })}` : ''),
    totals(told),
    trend(told),
    h('p', { class: 'faint' }, t('overview.where')),
    h('div', { class: 'grid' },
      section(t('overview.classes'), {}, ranking({ groups: told.classes }, (name) => eventsLink(term('class', name)), t('overview.no_class'))),
      top('reason', told.reasons),
      top('namespace', told.namespaces),
      top('workload', told.workloads),
      section(t('overview.nodes'), {}, ranking(told.nodes, (name) => eventsLink(NOTABLE, term('node', name)))),
      told.clusters.length > 1 && section(t('overview.clusters'), {}, ranking({ groups: told.clusters }, (id) => link('/', { cluster: id })))),
    ooms(told.pod_ooms),
    told.xids.total > 0 && xids(told.xids),
    trouble('core', told.core, 'reason'),
    h('div', { class: 'grid wide' },
      trouble('image_pulls', told.image_pulls, 'namespace'),
      trouble('scheduling', told.scheduling, 'namespace'),
      trouble('probes', told.probes, 'namespace')),
  ],
});

function totals({ total, levels, errors, warnings }) {
  const tile = (mark, title, count, query) =>
    h('a', { class: `tile ${mark}`, href: link('/events', { query }) }, h('span', {}, title), h('b', { title: number(count) }, compact(count)));
  return h('div', { class: 'tiles' },
    tile('', t('overview.total'), total, ''),
    ['Error', 'Warning', 'Normal'].map((name) => tile(levels[name.toLowerCase()] ? levelMark(name) : '', t(`level.${name}`), levels[name.toLowerCase()], term('level', name))),
    compared('Error', t('overview.errors_today'), errors),
    compared('Warning', t('overview.warnings_today'), warnings));
}

/** Today beside yesterday and last week, each up to the same moment of the day. */
function compared(name, title, { today, yesterday, last_week: lastWeek }) {
  const midnight = new Date(Math.floor((Date.now() + offset() * 1000) / DAY) * DAY - offset() * 1000).toISOString();
  const beside = (key, other) => {
    const more = today - other;
    const mark = more > 0 ? 'worse' : more < 0 ? 'better' : '';
    const change = more === 0 ? '=' : `${more > 0 ? '▲' : '▼'} ${compact(Math.abs(more))}`;
    return h('span', { class: 'beside' }, `${t(key, { n: compact(other) })} `, h('em', { class: mark }, change));
  };
  return h('a', { class: `tile ${today ? levelMark(name) : ''} compared`, href: link('/events', { query: term('level', name), from: midnight }), title: t('overview.same_moment') },
    h('span', {}, title), h('b', { title: number(today) }, compact(today)),
    beside('overview.yesterday', yesterday), beside('overview.last_week', lastWeek));
}

const trend = (told) => section(t('overview.trend'), {}, levelTrend(t('overview.trend_label'), told));

const top = (key, counts) =>
  section(t(`overview.${key}s`), {}, ranking(counts, (name) => eventsLink(NOTABLE, term(key, name))));

function ooms(rows) {
  if (!rows.length) return section(t('overview.ooms'), {}, nothing(t('overview.no_oom')));
  const columns = [
    [t('parts.time'), (row) => when(row.at), 'time'],
    [t('parts.pod'), (row) => (row.pod ? h('a', { href: podLink(row.cluster, row.namespace, row.pod) }, `${row.namespace}/${row.pod}`) : '–')],
    [t('parts.container'), (row) => row.container || '–'],
    [t('parts.node'), (row) => (row.node ? h('a', { href: nodeLink(row.cluster, row.node) }, row.node) : '–')],
    [t('parts.process'), (row) => (row.process ? `${row.process}${row.pid ? ` (${row.pid})` : ''}` : '–')],
    [t('parts.count'), (row) => number(row.count), 'number'],
  ];
  return section(t('overview.ooms'), {}, table(t('overview.ooms'), columns, rows), more('class : PodOOM'));
}

function xids({ total, nodes, numbers, newest }) {
  return section(t('overview.xids', { n: number(total) }), {},
    h('div', { class: 'grid' },
      ranking({ groups: numbers.map(([xid, count]) => ({ values: [`Xid ${xid}`], count })) }, () => eventsLink('class : NodeGPUXIPError')),
      ranking(nodes, (name) => nodeLink(newest[0]?.cluster ?? view().cluster ?? '-', name))),
    samples(t('overview.newest'), newest), more('class : NodeGPUXIPError'));
}

/** `by` is what the ranking is of. */
function trouble(key, { statement, counts, newest }, by) {
  const title = t(`overview.${key}`);
  if (!newest.length) return section(title, {}, nothing(t('overview.no_trouble')));
  return section(`${title} · ${compact(counts.total)}`, {}, ranking(counts, (name) => eventsLink(statement, term(by, name))), samples(title, newest.slice(0, 5)), more(statement));
}

const more = (query) => h('p', { class: 'more' }, h('a', { href: eventsLink(query) }, t('overview.more')));
