// What people keep for all who use this server: a menu of saved things, and the dialogs that save, rename and delete.
//
// A page shows `savedMenu({ kind, current })` somewhere. A saved thing is some parameters of a view, `current()`, and
// the path of its page; to open it is to look at that view, with `saved=ID` beside it, so that the link can be pasted
// and the menu knows what is open. Cluster and range are the reader's own, and not saved.
//
// Whoever saves has seen a revision. If somebody else was quicker, nothing is saved, the dialog says so, and the next
// attempt is made in the knowledge of theirs.

import { address, get, send } from './api.js';
import { dialog } from './dialog.js';
import { h, put } from './dom.js';
import { when } from './parts.js';
import { instant } from './time.js';
import { go, link, view } from './view.js';
import { t } from './words.js';

/**
 * The menu.
 *
 * @param {object} menu
 * @param {string} menu.kind `query`
 * @param {() => Record<string, string>} menu.current the parameters to keep; `query` is one of them
 */
export function savedMenu({ kind, current }) {
  const name = h('summary', {}, t('saved.menu'));
  const list = h('div', { class: 'saved-list' });
  const menu = h('details', { class: 'menu', id: 'saved' }, name, h('div', { class: 'sheet saved' }, list));
  const state = { things: [], kind, current, redraw: load };

  async function load() {
    try {
      state.things = (await get('saved', { kind })).saved;
      put(list, contents(state, menu));
    } catch (error) {
      put(list, h('p', { class: 'notice bad', role: 'alert' }, error.message || t('shell.no_answer')));
    }
    title();
  }

  function title() {
    const opened = open(state);
    put(name, opened ? opened.name.slice(0, 40) : t('saved.menu'), opened && isChanged(opened, current()) && h('span', { title: t('saved.changed') }, ' •'));
  }

  // What was there before is not shown again: it would be replaced under a click.
  menu.addEventListener('toggle', () => (menu.open ? load() : put(list)));
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return;
    menu.open = false;
    name.focus();
  });
  addEventListener('view', title);
  if (view().saved) load();
  return menu;
}

const open = ({ things }) => things.find(({ id }) => id === view().saved);
const bodyOf = (values) => ({ page: location.pathname, ...Object.fromEntries(Object.entries(values).filter(([, value]) => value)) });
const isChanged = ({ body }, values) => {
  const now = bodyOf(values);
  return [...new Set([...Object.keys(body), ...Object.keys(now)])].some((key) => body[key] !== now[key]);
};

function contents(state, menu) {
  const { things, current, redraw } = state;
  const opened = open(state);
  const close = () => { menu.open = false; };
  // The menu makes room for a dialog, which gives the focus back to where it was.
  const act = (text, then, attributes) => h('button', { type: 'button', onclick: () => { close(); menu.firstChild.focus(); then(); }, ...attributes }, text);
  const row = (thing) => h('li', {},
    h('a', { href: linkTo(thing), title: String(thing.body.query ?? '').slice(0, 2000), 'aria-current': thing === opened ? 'true' : null, onclick: (event) => follow(event, thing, current, close) }, thing.name),
    h('span', { class: 'faint' }, thing.changed.by ? `${thing.changed.by} · ` : '', when(thing.changed.at)),
    act(t('saved.rename'), () => rename(thing, redraw), { class: 'quiet', 'aria-label': t('saved.rename_one', { name: thing.name }) }),
    act(t('saved.delete'), () => remove(thing, redraw), { class: 'quiet', 'aria-label': t('saved.delete_one', { name: thing.name }) }));
  return [
    h('div', { class: 'quick' },
      opened && act(t('saved.save'), () => change(opened, current(), redraw), { class: 'primary', disabled: !isChanged(opened, current()) }),
      act(t('saved.save_new'), () => create(state), { id: 'save-new', class: opened ? null : 'primary' })),
    things.length ? h('ul', {}, things.map(row)) : h('p', { class: 'faint' }, t('saved.none')),
    h('div', { class: 'quick' },
      h('a', { href: address('saved.yaml', { kind: state.kind }), download: 'saved.yaml' }, t('saved.export')),
      act(t('saved.import'), () => bring(redraw), { class: 'quiet' })),
  ];
}

// To open one ----------------------------------------------------------------------------------------------------

/** Only to a page of ours: what stands in a body was written by others. */
function pathOf({ body: { page } }) {
  return typeof page === 'string' && /^\/[a-z]*$/.test(page) ? page : location.pathname;
}

function values({ id, body }) {
  const texts = Object.entries(body).filter(([key, value]) => key !== 'page' && typeof value === 'string');
  return { ...Object.fromEntries(texts), saved: id };
}

const linkTo = (thing) => link(pathOf(thing), values(thing));

/** On the page that we are on, without loading it anew. */
function follow(event, thing, current, close) {
  if (pathOf(thing) !== location.pathname || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  close();
  const cleared = Object.fromEntries(Object.keys(current()).map((key) => [key, null]));
  go({ ...cleared, ...values(thing) });
}

// To change them -------------------------------------------------------------------------------------------------

const place = ({ id }) => `saved/${encodeURIComponent(id)}`;
const seen = ({ revision }) => ({ 'if-match': `"${revision}"` });
const written = (thing, changes) => send('PUT', place(thing), { kind: thing.kind, name: thing.name, body: thing.body, ...changes }, seen(thing));

/** Who and when, in words. */
const last = ({ changed: { by, at } }) => (by ? t('saved.by', { who: by, when: instant(at) }) : instant(at));

const nameField = (value) => h('input', { id: 'saved-name', value, required: true, maxlength: 120, autocomplete: 'off' });

function create({ kind, current, redraw }) {
  const name = nameField('');
  dialog({
    title: t('saved.save_new'),
    content: [h('label', {}, h('span', {}, t('saved.name')), name), h('p', { class: 'faint' }, t('saved.shared'))],
    action: t('saved.save'),
    onDone: async () => {
      const made = await send('POST', 'saved', { kind, name: name.value, body: bodyOf(current()) });
      go({ saved: made.id });
      await redraw();
    },
  });
}

/** Keeps what is looked at in the place of what is saved. */
async function change(thing, values, redraw) {
  const body = bodyOf(values);
  try {
    await written(thing, { body });
  } catch (error) {
    if (error.status !== 412) return dialog({ title: thing.name, content: h('p', {}, error.message || t('shell.no_answer')) });
    const theirs = await get(place(thing));
    dialog({
      title: thing.name,
      content: h('p', {}, t('saved.meanwhile', { last: last(theirs) })),
      action: t('saved.over'),
      onDone: () => written(theirs, { body }).then(redraw),
    });
  }
  await redraw();
}

function rename(thing, redraw) {
  const name = nameField(thing.name);
  dialog({
    title: t('saved.rename_one', { name: thing.name }),
    content: h('label', {}, h('span', {}, t('saved.name')), name),
    action: t('saved.rename'),
    onDone: () => written(thing, { name: name.value }).then(redraw),
  });
  name.select();
}

function remove(thing, redraw) {
  dialog({
    title: t('saved.delete_one', { name: thing.name }),
    content: [h('p', {}, t('saved.delete_sure')), h('p', { class: 'faint' }, t('saved.last', { last: last(thing) }))],
    action: t('saved.delete'),
    onDone: async () => {
      await send('DELETE', place(thing), undefined, seen(thing));
      if (view().saved === thing.id) go({ saved: null });
      await redraw();
    },
  });
}

function bring(redraw) {
  const file = h('input', { type: 'file', id: 'saved-file', accept: '.yaml,.yml', required: true });
  const outcome = h('ul', {});
  dialog({
    title: t('saved.import'),
    content: [h('label', {}, h('span', {}, t('saved.file')), file), h('p', { class: 'faint' }, t('saved.import_same')), outcome],
    action: t('saved.import'),
    onDone: async () => {
      const { imported } = await send('POST', 'saved.yaml', await file.files[0].text(), { 'content-type': 'application/yaml' });
      await redraw();
      const refused = imported.filter(({ became }) => became === 'refused');
      put(outcome, refused.map(({ name, why }) => h('li', {}, `${name}: ${why}`)));
      // Stays open as long as there is something to read.
      return refused.length === 0;
    },
  });
}
