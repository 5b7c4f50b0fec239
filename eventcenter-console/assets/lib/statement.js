// A search statement as it is typed: its terms, what can stand next, and where it is wrong.

import { get } from './api.js';
import { h, settled } from './dom.js';
import { all, quoted, scope } from './view.js';
import { t } from './words.js';

// Words, phrases and signs; a phrase may still be open.
const TOKEN = /"(?:\\.|[^"\\])*"?|[()[\]]|>=|<=|[:<>=|]|[^\s()[\]:<>=|"]+/g;

/** The parts of a statement that are joined by `and` at its top: each can be taken away by itself. */
export function terms(statement) {
  const found = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of statement.matchAll(TOKEN)) {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    else if (depth === 0 && /^or$/i.test(token)) return [statement.trim()];
    else if (depth === 0 && /^and$/i.test(token)) {
      found.push(statement.slice(from, index).trim());
      from = index + token.length;
    }
  }
  found.push(statement.slice(from).trim());
  return found.filter(Boolean);
}

/** The statement without one of its terms. */
export const without = (statement, term) => all(...terms(statement).filter((one) => one !== term));

/** The statement with another term, once. What excludes the term goes, and the other way round. */
export function withTerm(statement, term) {
  const opposite = term.startsWith('not ') ? term.slice(4) : `not ${term}`;
  return all(...terms(statement).filter((one) => one !== term && one !== opposite), term);
}

// Completion -----------------------------------------------------------------------------------------------------

const FACETS = ['level', 'class', 'reason', 'namespace', 'kind', 'node', 'component', 'workload', 'cluster'];
// What SLS calls them.
const SAME = { hostname: 'node', host: 'node', 'eventId.reason': 'reason', 'eventId.involvedObject.kind': 'kind', 'eventId.involvedObject.namespace': 'namespace' };
const NAMED = { name: {}, 'eventId.involvedObject.name': {}, pod: { kind: 'Pod' }, pod_name: { kind: 'Pod' } };

/** What stands before the cursor: a key, or the value of a key, and where it begins. */
export function context(text, cursor) {
  const tokens = [...text.slice(0, cursor).matchAll(TOKEN)];
  const last = tokens.at(-1);
  const touches = last && last.index + last[0].length === cursor && !/^[:()<>=[\]|]+$/.test(last[0]);
  const typed = touches ? last[0] : '';
  const [colon, key] = [tokens.at(touches ? -2 : -1)?.[0], tokens.at(touches ? -3 : -2)?.[0]];
  const from = touches ? last.index : cursor;
  return colon === ':' && key ? { key, typed: typed.replace(/^"|"$/g, ''), from } : { key: null, typed, from };
}

let keys = null;

/** What can stand there: `{ text, note }`. */
export async function suggestions({ key, typed }, signal) {
  const begins = (text) => text.toLowerCase().startsWith(typed.toLowerCase());
  if (key === null) {
    keys ??= (await get('keys')).keys;
    const ours = keys.filter((one) => !one.includes('.') && /^[a-z_]+$/.test(one));
    const shown = typed ? keys : ours;
    return shown.filter((one) => begins(one) && one !== typed).slice(0, 12)
      .map((one) => ({ text: one.endsWith('.') ? one : `${one} : `, note: t('statement.key') }));
  }
  const facet = SAME[key] ?? key;
  if (FACETS.includes(facet)) {
    const { facets } = await get('facets', { ...scope(), by: facet, top: 200 }, { signal });
    const values = facets[0].groups.filter(({ values: [value] }) => value && begins(value));
    return values.slice(0, 12).map(({ values: [value], count }) => ({ text: `${quoted(value)} `, note: String(count) }));
  }
  if (NAMED[key] && typed) {
    const { objects } = await get('objects', { ...scope(), ...NAMED[key], prefix: typed.replace(/[^\w.:-]/gu, ''), limit: 12 }, { signal });
    return objects.map(({ values: [value], count }) => ({ text: `${quoted(value.split('/').at(-1))} `, note: String(count) }));
  }
  return [];
}

/**
 * A field for a statement, with completion and with its mistake beneath it.
 *
 * @param {object} field
 * @param {string} field.id
 * @param {string} field.value
 * @param {(statement: string) => void} field.onRun Enter was pressed
 * @param {number} [field.rows] several lines; then Ctrl+Enter runs it
 */
export function statementField({ id, value, onRun, rows = 1 }) {
  const list = h('ul', { class: 'completion', role: 'listbox', id: `${id}-list`, hidden: true });
  const mistake = h('div', { class: 'mistake', role: 'alert', id: `${id}-mistake`, hidden: true });
  const input = h(rows > 1 ? 'textarea' : 'input', {
    id, value, rows: rows > 1 ? rows : null, class: 'mono', type: rows > 1 ? null : 'search', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off',
    role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list.id, 'aria-describedby': mistake.id,
    'aria-label': t('statement.label'), placeholder: 'level >= Warning and namespace : shop',
  });
  const state = { found: [], chosen: -1, asked: null };

  function close() {
    state.asked?.abort();
    state.found = [];
    state.chosen = -1;
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }

  function choose(at) {
    state.chosen = at;
    [...list.children].forEach((one, place) => one.setAttribute('aria-selected', String(place === at)));
    list.children[at]?.scrollIntoView({ block: 'nearest' });
    if (at >= 0) input.setAttribute('aria-activedescendant', list.children[at].id);
  }

  function take(at) {
    const { from } = context(input.value, input.selectionStart);
    const rest = input.value.slice(input.selectionStart);
    const before = input.value.slice(0, from) + state.found[at].text;
    input.value = before + rest;
    input.setSelectionRange(before.length, before.length);
    close();
    input.focus();
    // After a key, its values.
    if (before.endsWith(': ')) suggest();
  }

  const suggest = settled(async () => {
    state.asked?.abort();
    const asked = (state.asked = new AbortController());
    const found = await suggestions(context(input.value, input.selectionStart), asked.signal).catch(() => []);
    if (asked.signal.aborted || document.activeElement !== input) return;
    state.found = found;
    state.chosen = -1;
    list.replaceChildren(...found.map(({ text, note }, at) =>
      h('li', { role: 'option', id: `${id}-${at}`, 'aria-selected': 'false', onpointerdown: (event) => { event.preventDefault(); take(at); } },
        h('span', { class: 'mono' }, text), h('span', { class: 'faint' }, note))));
    list.hidden = !found.length;
    input.setAttribute('aria-expanded', String(found.length > 0));
  }, 120);

  input.addEventListener('input', () => {
    show(null);
    suggest();
  });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    const { found, chosen } = state;
    if (found.length && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      const way = event.key === 'ArrowDown' ? 1 : -1;
      choose((chosen + way + found.length) % found.length);
    } else if (found.length && (event.key === 'Tab' || event.key === 'Enter') && chosen >= 0) {
      take(chosen);
    } else if (event.key === 'Escape' && found.length) {
      close();
    } else if (event.key === ' ' && event.ctrlKey) {
      suggest();
    } else if (event.key === 'Enter' && (rows === 1 || event.ctrlKey || event.metaKey)) {
      close();
      onRun(input.value.trim());
    } else {
      return;
    }
    event.preventDefault();
  });

  /** Shows where the statement is wrong; null: nowhere. */
  function show(problem) {
    mistake.hidden = !problem;
    input.setAttribute('aria-invalid', String(Boolean(problem)));
    if (!problem) return;
    const column = problem.column ?? 0;
    const line = input.value.replace(/\s/g, ' ');
    // A long statement is cut around its mistake.
    const from = Math.max(column - 61, 0);
    mistake.replaceChildren(
      column > 0 ? h('pre', {}, line.slice(from, from + 120), h('br'), `${' '.repeat(column - 1 - from)}^`) : '',
      h('span', {}, problem.message),
    );
  }

  return { field: h('div', { class: 'statement' }, input, list, mistake), input, show };
}
