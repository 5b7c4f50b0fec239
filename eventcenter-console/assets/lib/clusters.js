// The clusters of this server: what people call them, and whether they are watched. A page shows `clusterManagement()`
// somewhere; it loads itself, and says to the page's `view` listeners that names have changed.

import { get, send } from './api.js';
import { dialog } from './dialog.js';
import { h, put } from './dom.js';
import { section, table, when } from './parts.js';
import { refresh, trouble } from './shell.js';
import { link } from './view.js';
import { t } from './words.js';

/** The section. */
export function clusterManagement() {
  const box = h('div', { 'aria-live': 'polite' }, h('div', { class: 'skeleton', 'aria-hidden': 'true' }, h('div', {})));
  load(box);
  return section(t('clusters.title'), { id: 'clusters' }, h('p', { class: 'faint' }, t('clusters.hint')), box);
}

async function load(box) {
  try {
    const { clusters } = await get('clusters');
    put(box, clusters.length ? table(t('clusters.title'), columns(box), clusters) : h('p', { class: 'nothing' }, t('shell.no_cluster')));
  } catch (error) {
    put(box, trouble(error, () => load(box)));
  }
}

const columns = (box) => [
  [t('clusters.name'), ({ cluster }) => h('a', { href: link('/', { cluster: cluster.id }) }, cluster.name || cluster.id)],
  [t('clusters.id'), ({ cluster }) => h('span', { class: 'mono' }, cluster.id)],
  [t('clusters.watch'), ({ watched, paused }) => (watched ? h('span', { class: paused ? 'badge level-warning' : 'badge' }, paused ? t('clusters.paused') : t('clusters.watched')) : h('span', { class: 'faint' }, t('clusters.not_watched')))],
  [t('clusters.changed'), ({ changed }) => (changed ? [changed.by && `${changed.by} · `, when(changed.at)] : '–')],
  [t('clusters.actions'), (one) => h('div', { class: 'quick' }, button(t('clusters.rename'), one, () => rename(one, box)), one.watched && pause(one, box))],
];

const button = (text, { cluster }, onclick) => h('button', { type: 'button', 'aria-label': `${text}: ${cluster.name}`, onclick }, text);
const change = ({ cluster }, changes) => send('PATCH', `clusters/${encodeURIComponent(cluster.id)}`, changes);

function rename(one, box) {
  const name = h('input', { id: 'cluster-name', value: one.cluster.name, required: true, maxlength: 120, autocomplete: 'off' });
  dialog({
    title: t('clusters.rename_one', { name: one.cluster.name }),
    content: [h('label', {}, h('span', {}, t('clusters.name')), name), h('p', { class: 'faint' }, t('clusters.rename_hint'))],
    action: t('clusters.rename'),
    onDone: () => change(one, { name: name.value }).then(() => load(box)),
  });
  name.select();
}

function pause(one, box) {
  const go = (paused) => () => change(one, { paused }).then(() => { load(box); refresh(); });
  if (one.paused) return button(t('clusters.resume'), one, () => go(false)().catch((error) => put(box, trouble(error, () => load(box)))));
  return button(t('clusters.pause'), one, () => dialog({
    title: t('clusters.pause_one', { name: one.cluster.name }), content: h('p', {}, t('clusters.pause_hint')), action: t('clusters.pause'), onDone: go(true),
  }));
}
