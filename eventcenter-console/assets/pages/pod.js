// A Pod's life: what is wrong with it, since when, whether it still goes on, and what happened when.
//
// The view: `life` (a uid, for a name that had several), `zoom` (two times), `levels`, `event` (a chosen one), and
// `beside` (a sibling that it is compared with).

import { get } from '../lib/api.js';
import { h, plain, settled } from '../lib/dom.js';
import { LEVELS, lacks, level, levelMark, nothing, podLink, section, table, when } from '../lib/parts.js';
import { bounds, spoken } from '../lib/range.js';
import { page, trouble } from '../lib/shell.js';
import { ago, brief, instant } from '../lib/time.js';
import { all, go, link, scope, term } from '../lib/view.js';
import { number, t } from '../lib/words.js';
import { moved, scaled } from '../lib/lanes/input.js';
import { ready } from './pod/life.js';
import { story } from './pod/story.js';
import { node } from './pod/verdict.js';

const [cluster, namespace, name] = location.pathname.split('/').slice(2).map(decodeURIComponent);
document.title = `${plain(name)} · ${document.title}`;

const SIBLINGS = 50;
const pathOf = (pod) => `pods/${[cluster, namespace, pod].map(encodeURIComponent).join('/')}`;
const range = () => ({ ...scope(), cluster: null });

async function load(now, signal) {
  const [told, beside] = await Promise.all([lifeOf(name, signal), now.beside ? lifeOf(now.beside, signal) : null]);
  const life = told.lives.find(({ uid }) => uid === now.life) ?? told.lives.at(-1);
  return {
    told,
    beside,
    life,
    until: Math.min(Date.now(), bounds(now).until),
    // Nothing happened to it in the range: perhaps at another time.
    elsewhere: life ? null : await lifeOf(name, signal, { since: 'all' }),
    siblings: life?.workload && siblings(life.workload, signal),
  };
}

const lifeOf = (pod, signal, params = range()) => get(pathOf(pod), params, { signal });

/** Others of its workload; a problem is told where they are to be shown, and hides nothing else. */
const siblings = (workload, signal) =>
  get('pods', { ...range(), cluster: cluster === '-' ? null : cluster, query: all(term('workload', workload), term('namespace', namespace)), limit: SIBLINGS }, { signal })
    .catch((error) => (error.name === 'AbortError' ? null : error));

function show({ told, beside, life: found, until, elsewhere: known, siblings: others }, now) {
  if (!found) return [lacks({ ...told, gaps: told.gaps.filter(isOurs) }), absent(known)];
  const lives = [{ life: ready(found, until), pod: { namespace, name } }];
  if (beside?.lives.length) lives.push({ life: ready(beside.lives.at(-1), until), pod: { namespace, name: now.beside } });
  const gaps = told.gaps.filter(isOurs);
  const whole = [Math.min(...lives.map(({ life }) => life.whole[0])), Math.max(...lives.map(({ life }) => life.whole[1]))];
  const state = { window: parsed(now.zoom, whole) ?? whole, levels: now.levels ? new Set(now.levels.split(',')) : null };
  const stories = lives.map(({ life, pod }, index) => story(life, {
    cluster, pod, gaps, whole, onLook: look,
    onChoose: (event) => index === 0 && go({ event }, { replace: true, quiet: true }),
  }));
  const shown = h('span', { class: 'faint', id: 'window' });

  function look(window, { settled: isSettled = true } = {}) {
    state.window = window;
    draw();
    if (isSettled) note(false);
    else noteLater(true);
  }

  function note(replace) {
    const isWhole = state.window[0] <= whole[0] && state.window[1] >= whole[1];
    const zoom = isWhole ? null : state.window.map((at) => new Date(Math.round(at)).toISOString()).join('/');
    go({ zoom }, { replace, quiet: true });
  }

  // A wheel that is turned is one step, and browsers refuse addresses that change too often.
  const noteLater = settled(note, 250);

  function filter(levels) {
    state.levels = levels.size === LEVELS.length ? null : levels;
    go({ levels: state.levels ? [...levels].join(',') : null }, { replace: true, quiet: true });
    draw();
  }

  function draw() {
    stories.forEach((one) => one.show({ window: state.window, levels: state.levels }));
    shown.textContent = state.window.map((at) => instant(at)).join(' – ');
    for (const button of levels.children) button.setAttribute('aria-pressed', String(!state.levels || state.levels.has(button.dataset.level)));
  }

  const levels = levelButtons(lives[0].life, () => state.levels ?? new Set(LEVELS), filter);
  const tools = h('div', { class: 'plot-tools' }, levels, h('span', { class: 'gap' }), shown, zoomButtons(() => state.window, whole, look));
  draw();
  if (now.event) stories[0].choose(now.event);

  const [main, other] = stories;
  const time = section(t('pod.timeline'), { class: 'timeline' }, tools, pair(stories, lives, (one) => [one.plot]), legend(), pair(stories, lives, (one) => [one.list]));
  return [
    lacks({ ...told, gaps }),
    told.truncated && h('p', { class: 'notice warn' }, t('pod.truncated')),
    told.lives.length > 1 && choice(told.lives, found),
    now.beside && comparing(now.beside, lives.length > 1),
    !other && main.facts,
    pair(stories, lives, (one) => h('div', { class: 'diagnosis' }, one.verdict, one.steps)),
    time,
    pair(stories, lives, (one) => [one.containers]),
    siblingsOf(found, others),
  ];
}

/** Whether a loss is one of this cluster, which the address names by its id or its name. */
const isOurs = (gap) => ['-', gap.cluster.id, gap.cluster.name].includes(cluster);

/** The stories beside each other, each under its name; one alone stands for itself. */
function pair(stories, lives, parts) {
  if (stories.length === 1) return parts(stories[0]);
  return h('div', { class: 'pair' }, stories.map((one, index) =>
    h('div', {}, h('p', { class: 'pair-name' }, lives[index].pod.name), parts(one))));
}

function parsed(zoom, whole) {
  const [from, until] = (zoom ?? '').split('/').map((text) => Date.parse(text));
  return from < until && from < whole[1] && until > whole[0] ? [Math.max(from, whole[0]), Math.min(until, whole[1])] : null;
}

function levelButtons(life, now, onChange) {
  const count = (one) => life.points.reduce((sum, point) => sum + (point.level === one ? point.count : 0), 0);
  const toggle = (one) => () => {
    const levels = new Set(now());
    if (!levels.delete(one)) levels.add(one);
    // Nothing would be shown: the reader means this one alone.
    onChange(levels.size ? levels : new Set([one]));
  };
  return h('div', { class: 'quick', role: 'group', 'aria-label': t('pod.levels') }, [...LEVELS].reverse().map((one) =>
    h('button', { class: levelMark(one), 'data-level': one, onclick: toggle(one) }, h('i', { class: 'swatch' }), ` ${t(`level.${one}`)} `, h('b', {}, number(count(one))))));
}

function zoomButtons(window, whole, look) {
  const button = (title, sign, change) => h('button', { title, 'aria-label': title, onclick: () => look(change(window())) }, sign);
  return h('div', { class: 'quick' },
    button(t('lanes.earlier'), '‹', (now) => moved(now, -0.5, whole)),
    button(t('lanes.later'), '›', (now) => moved(now, 0.5, whole)),
    button(t('lanes.closer'), '+', (now) => scaled(now, 0.5, whole)),
    button(t('lanes.wider'), '−', (now) => scaled(now, 2, whole)),
    h('button', { id: 'whole', onclick: () => look(whole) }, t('lanes.whole')));
}

const legend = () =>
  h('p', { class: 'legend plot-legend' },
    h('span', {}, h('i', { class: 'sign sign-restart' }), ` ${t('lanes.restart')}`),
    h('span', {}, h('i', { class: 'sign sign-span' }), ` ${t('lanes.span')}`),
    h('span', {}, h('i', { class: 'sign sign-gap' }), ` ${t('lanes.gap')}`),
    h('span', {}, t('lanes.hint')));

/** A name may have had several lives. */
function choice(lives, now) {
  const label = ({ from, until, uid, end }) => `${brief(from)} – ${brief(until)} · ${end ? end.reason : t('pod.lives_on')} · ${uid.slice(0, 8)}`;
  return h('p', { class: 'quick' }, h('label', { class: 'quick' }, h('span', {}, t('pod.lives', { n: number(lives.length) })), h('select', {
    id: 'life', onchange: (event) => go({ life: event.target.value, zoom: null, event: null }),
  }, [...lives].reverse().map((life) => h('option', { value: life.uid, selected: life === now }, label(life))))));
}

function comparing(sibling, isTold) {
  return h('div', { class: 'notice' }, h('span', {}, isTold ? t('pod.comparing') : t('pod.no_sibling'), ' ', h('a', { href: podLink(cluster, namespace, sibling) }, sibling)), ' ',
    h('button', { id: 'alone', onclick: () => go({ beside: null, zoom: null }) }, t('pod.alone')));
}

/** Others of its workload, filled in when they are known. */
function siblingsOf({ workload }, promise) {
  if (!workload) return null;
  const part = section(t('pod.siblings', { workload }), { id: 'siblings' }, h('p', { class: 'faint' }, '…'));
  promise.then((answer) => {
    if (!answer) return;
    part.lastChild.replaceWith(answer instanceof Error ? trouble(answer) : siblingTable(answer));
  });
  return part;
}

function siblingTable({ pods, more }) {
  const others = pods.filter((pod) => pod.name !== name);
  if (!others.length) return nothing(t('pod.no_siblings'));
  return h('div', {}, table(t('pod.siblings_label'), [
    [t('parts.pod'), (pod) => h('a', { href: podLink(cluster, namespace, pod.name) }, pod.name)],
    [t('parts.node'), (pod) => node(cluster, pod.node)],
    [t('pod.newest'), (pod) => [level(pod.level), ' ', pod.reason]],
    [t('parts.time'), (pod) => [when(pod.at), h('span', { class: 'faint' }, ` ${ago(pod.at)}`)], 'time'],
    [t('level.Error'), (pod) => number(pod.levels.error), 'number'],
    [t('level.Warning'), (pod) => number(pod.levels.warning), 'number'],
    ['', (pod) => h('button', { class: 'compare', onclick: () => { go({ beside: pod.name, zoom: null }); scrollTo(0, 0); } }, t('pod.compare'))],
  ], others), more && h('p', { class: 'faint' }, t('pod.more_siblings')));
}

function absent(known) {
  if (!known.lives.length) {
    return h('div', { class: 'card' }, nothing(t('pod.unknown')), h('p', {}, h('a', { href: link('/pods', { text: name, since: 'all' }) }, t('pod.find'))));
  }
  const last = known.lives.at(-1);
  return h('div', { class: 'card' }, h('p', {}, t('pod.elsewhere', { range: spoken(), at: brief(last.until), ago: ago(last.until) })),
    h('button', { class: 'primary', id: 'all-time', onclick: () => go({ since: 'all' }) }, t('pod.all_time')));
}

page({ load, show });
