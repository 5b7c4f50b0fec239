// Status: whether everything goes on, how far behind it is, what was lost, and how long what is kept will be.

import { clusterManagement } from '../lib/clusters.js';
import { get, text } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { nothing, section, table, when } from '../lib/parts.js';
import { page } from '../lib/shell.js';
import { ago, instant, span } from '../lib/time.js';
import { bytes, compact, many, number, t } from '../lib/words.js';
import { by, read, sum, values } from './status/metrics.js';
import { kept } from './status/store.js';

const GAPS = 100;

page({ load, show, range: false });

async function load(_, signal) {
  // A program around the console may have no numbers, and no settings to tell.
  const beside = (path) => text(path, { signal }).catch((error) => {
    if (error.name === 'AbortError') throw error;
    return '';
  });
  const total = (since) => get('facets', { since, by: 'level' }, { signal }).then(({ facets: [levels] }) => levels.total);
  const [status, lastDay, all, metrics, settings] = await Promise.all([
    get('status', {}, { signal }), total('24h'), total('all'), beside('/metrics'), beside('/settings'),
  ]);
  return { ...status, lastDay, all, metrics: read(metrics), settings };
}

function show(told) {
  return [
    tiles(told),
    parts(told.health),
    clusters(told.store.clusters),
    clusterManagement(),
    sinks(told),
    sources(told.metrics),
    kept(told),
    gaps(told.store.gaps),
    told.settings && settings(told.settings),
  ];
}

function settings(told) {
  return section(t('status.settings'), {}, h('p', { class: 'faint' }, t('status.settings_hint')),
    h('details', {}, h('summary', {}, t('status.settings_show')), h('pre', { class: 'settings', tabindex: '0' }, lines(told))));
}

/** A text of several lines: `h` would put it on one. */
const lines = (text) => text.split('\n').map((line) => [line, h('br', {})]);

function tiles({ version, health, store, metrics }) {
  const tile = (mark, title, value, hint) => h('div', { class: `tile ${mark}`, title: hint ?? null }, h('span', {}, title), h('b', {}, value));
  const lost = store.gaps.length;
  const dead = sum(metrics, 'events_dead') ?? 0;
  const waiting = sum(metrics, 'backlog');
  return h('div', { class: 'tiles' },
    tile(health.ready ? 'good' : 'level-error', t('status.state'), health.ready ? t('status.well') : t('status.troubled')),
    tile('', t('status.version'), version),
    tile(lost ? 'level-warning' : '', t('status.gaps'), number(lost)),
    waiting !== null && tile('', t('status.waiting'), compact(waiting)),
    tile(dead ? 'level-error' : '', t('status.dead'), compact(dead)),
    tile('', t('status.size'), bytes(store.bytes)));
}

/** Everything that has a state of its own, those in trouble first. */
function parts({ parts: told }) {
  const rows = Object.entries(told).map(([name, part]) => ({ name, ...part })).sort((a, b) => a.ready - b.ready);
  return section(t('status.parts'), {}, table(t('status.parts'), [
    [t('status.part'), ({ name }) => h('strong', {}, name)],
    [t('status.state'), ({ ready, gates }) => h('span', { class: `badge ${ready ? 'good' : gates ? 'level-error' : 'level-warning'}` }, ready ? t('status.well') : t('status.troubled'))],
    [t('status.says'), ({ state }) => state],
    [t('status.progress'), ({ age_seconds: age }) => t('time.ago', { span: span(age * 1000) }), 'time'],
    [t('status.gates'), ({ gates }) => (gates ? t('status.yes') : t('status.no'))],
  ], rows));
}

function clusters(told) {
  if (!told.length) return section(t('status.clusters'), {}, nothing(t('status.no_clusters')));
  return section(t('status.clusters'), {}, table(t('status.clusters'), [
    [t('shell.cluster'), ({ cluster }) => h('strong', {}, cluster.name || cluster.id)],
    [t('status.id'), ({ cluster }) => h('span', { class: 'mono' }, cluster.id)],
    [t('status.received'), ({ received }) => (received ? [when(received), h('span', { class: 'faint' }, ` ${ago(received)}`)] : '–'), 'time'],
    [t('status.watched'), ({ watched_since: since, recorded }) => (recorded ? t('status.recorded') : since ? [instant(since), h('span', { class: 'faint' }, ` ${ago(since)}`)] : '–'), 'time'],
  ], told));
}

const kinds = (found) => (found.length ? found.map(([kind, count]) => `${kind} ${number(count)}`).join(', ') : '0');
const count = (value) => (value === null ? '0' : number(value));

function sinks({ metrics, health }) {
  const names = values(metrics, ['backlog', 'events_delivered', 'delivery_errors'], 'sink');
  if (!names.length) return null;
  const rows = names.map((sink) => ({ sink, part: health.parts[`sink ${sink}`] }));
  const delay = ({ sink }) => {
    const [total, times] = [sum(metrics, 'delay_seconds_sum', { sink }), sum(metrics, 'delay_seconds_count', { sink })];
    return times ? span((total / times) * 1000) : '–';
  };
  const of = (name) => ({ sink }) => count(sum(metrics, name, { sink }));
  return section(t('status.sinks'), {}, table(t('status.sinks'), [
    [t('status.sink'), ({ sink }) => h('strong', {}, sink)],
    [t('status.state'), ({ part }) => (part ? h('span', { class: `badge ${part.ready ? 'good' : 'level-warning'}`, title: part.state }, part.ready ? t('status.well') : t('status.troubled')) : '–')],
    [t('status.waiting'), of('backlog'), 'number'],
    [t('status.last_delivery'), ({ part }) => (part ? t('time.ago', { span: span(part.age_seconds * 1000) }) : '–'), 'time'],
    [t('status.delay'), delay, 'number'],
    [t('status.delivered'), of('events_delivered'), 'number'],
    [t('status.duplicates'), of('events_duplicate'), 'number'],
    [t('status.dead'), ({ sink }) => kinds(by(metrics, 'events_dead', 'kind', { sink })), 'number'],
    [t('status.dropped'), of('events_dropped'), 'number'],
    [t('status.failures'), ({ sink }) => kinds(by(metrics, 'delivery_errors', 'kind', { sink })), 'number'],
  ], rows), h('dl', { class: 'pairs' },
    pair(t('status.spool'), bytes(sum(metrics, 'spool_bytes') ?? 0)),
    pair(t('status.memory'), bytes(sum(metrics, 'spool_memory_bytes') ?? 0)),
    pair(t('status.appended'), count(sum(metrics, 'spool_appended'))),
    pair(t('status.disk_errors'), count(sum(metrics, 'spool_errors'))),
    pair(t('status.unrouted'), count(sum(metrics, 'events_unrouted'))),
    pair(t('status.expired'), count(sum(metrics, 'store_expired')))));
}

const pair = (title, value) => h('div', {}, h('dt', {}, title), h('dd', {}, value));

function sources(metrics) {
  const names = values(metrics, ['events_received', 'source_requests', 'source_errors', 'gaps'], 'source');
  if (!names.length) return null;
  const of = (name) => (source) => count(sum(metrics, name, { source }));
  const kindsOf = (name) => (source) => kinds(by(metrics, name, 'kind', { source }));
  return section(t('status.sources'), {}, table(t('status.sources'), [
    [t('status.source'), (source) => h('strong', {}, source)],
    [t('status.events'), of('events_received'), 'number'],
    [t('status.gaps'), kindsOf('gaps')],
    [t('status.unreadable'), of('unreadable'), 'number'],
    [t('status.requests'), kindsOf('source_requests')],
    [t('status.failures'), kindsOf('source_errors')],
  ], names));
}

function gaps(told) {
  if (!told.length) return section(t('status.gaps'), {}, nothing(t('status.no_gaps')));
  const newest = [...told].reverse().slice(0, GAPS);
  return section(`${t('status.gaps')} · ${number(told.length)}`, {}, h('p', { class: 'faint' }, t('status.gaps_hint')), table(t('status.gaps'), [
    [t('shell.cluster'), ({ cluster }) => cluster.name || cluster.id],
    [t('range.from'), ({ since }) => (since ? instant(since) : '–'), 'time'],
    [t('range.until'), ({ until }) => instant(until), 'time'],
    [t('status.missing'), ({ grade, count: lost }) => (lost === null ? (grade === 'events' ? t('status.grade_events') : t('status.grade_revisions')) : many('parts.events', lost))],
    [t('status.why'), ({ reason }) => reason],
  ], newest), told.length > GAPS && h('p', { class: 'faint' }, t('parts.more', { n: number(told.length - GAPS) })));
}
