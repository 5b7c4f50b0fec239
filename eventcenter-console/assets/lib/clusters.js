// The clusters of this server: what people call them, whether they are watched, and which there are. A page shows
// `clusterManagement()` somewhere; it loads itself, and says to the page's `view` listeners that names have changed.

import { get, send } from './api.js';
import { dialog } from './dialog.js';
import { h, plain, put } from './dom.js';
import { section, table, when } from './parts.js';
import { refresh, trouble } from './shell.js';
import { link } from './view.js';
import { t } from './words.js';

/** The section. */
export function clusterManagement() {
  const box = h('div', { 'aria-live': 'polite' }, h('div', { class: 'skeleton', 'aria-hidden': 'true' }, h('div', {})));
  load(box);
  const another = h('button', { type: 'button', id: 'cluster-add', onclick: () => add(box) }, t('clusters.add'));
  return section(t('clusters.title'), { id: 'clusters' }, h('p', { class: 'faint' }, t('clusters.hint')), box, h('div', { class: 'quick answers' }, another));
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
  [t('clusters.actions'), (one) => h('div', { class: 'quick' }, button(t('clusters.rename'), one, () => rename(one, box)), one.watched && pause(one, box), button(t('clusters.remove'), one, () => remove(one, box)))],
];

const button = (text, { cluster }, onclick) => h('button', { type: 'button', 'aria-label': `${text}: ${cluster.name}`, onclick }, text);
const place = ({ cluster }) => `clusters/${encodeURIComponent(cluster.id)}`;
const change = (one, changes) => send('PATCH', place(one), changes);
const field = (label, input) => h('label', {}, h('span', {}, label), input);

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

function add(box) {
  const kubeconfig = h('textarea', { id: 'cluster-kubeconfig', required: true, rows: 9, spellcheck: false, autocomplete: 'off' });
  const context = h('input', { id: 'cluster-context', autocomplete: 'off' });
  const name = h('input', { id: 'cluster-new-name', maxlength: 120, autocomplete: 'off' });
  dialog({
    title: t('clusters.add'),
    content: [
      field(t('clusters.kubeconfig'), kubeconfig), h('p', { class: 'faint' }, t('clusters.kubeconfig_hint', { command: 'kubectl config view --minify --flatten' })),
      field(t('clusters.context'), context), field(t('clusters.new_name'), name),
    ],
    action: t('clusters.add'),
    onDone: () => {
      const given = { kubeconfig: kubeconfig.value, context: context.value.trim(), name: name.value.trim() };
      return send('POST', 'clusters', Object.fromEntries(Object.entries(given).filter(([, value]) => value))).then(() => { load(box); refresh(); });
    },
  });
}

// Events that go do not come back: who removes them writes the cluster's name, as it is shown.
function remove(one, box) {
  const { cluster, watched, added } = one;
  const events = h('input', { id: 'cluster-events', type: 'checkbox', checked: !watched, disabled: !watched, onchange: () => { sure.hidden = !events.checked; } });
  const name = h('input', { id: 'cluster-sure', autocomplete: 'off' });
  const sure = h('div', { hidden: watched }, field(t('clusters.sure', { name: cluster.name }), name));
  dialog({
    title: t('clusters.remove_one', { name: cluster.name }),
    content: [
      watched && h('p', {}, added ? t('clusters.remove_added') : t('clusters.remove_configured')),
      h('label', { class: 'choice' }, events, h('span', {}, t('clusters.events'))), sure,
    ],
    action: t('clusters.remove'),
    onDone: () => {
      if (events.checked && plain(name.value).trim() !== plain(cluster.name).trim()) throw new Error(t('clusters.not_sure'));
      return send('DELETE', `${place(one)}?events=${events.checked ? 'delete' : 'keep'}`).then(() => { load(box); refresh(); });
    },
  });
}
