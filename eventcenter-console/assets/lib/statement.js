// A field for a search statement: what can stand next is offered, and what is wrong is shown beneath its place.

import { get } from './api.js';
import { h, put, settled } from './dom.js';
import { bounds } from './range.js';
import { isCompare, isSign, isWord, quoted, tokens } from './terms.js';
import { DAY, HOUR } from './time.js';
import { scope, view } from './view.js';
import { number, t } from './words.js';

// Completion -----------------------------------------------------------------------------------------------------

/** So many suggestions are offered at once. */
const OFFERED = 12;
/** Keys whose values can be counted, and what SLS calls them. */
const FACETS = {
  level: 'level', class: 'class', reason: 'reason', 'eventId.reason': 'reason', namespace: 'namespace', 'eventId.involvedObject.namespace': 'namespace',
  kind: 'kind', 'eventId.involvedObject.kind': 'kind', node: 'node', host: 'node', hostname: 'node', 'eventId.source.host': 'node',
  component: 'component', 'eventId.source.component': 'component', workload: 'workload', cluster: 'cluster', ClusterId: 'cluster',
};
/** Keys whose values are names of objects. */
const NAMES = { name: {}, 'eventId.involvedObject.name': {}, pod: { kind: 'Pod' }, pod_name: { kind: 'Pod' } };
/** What is not summed as events arrive, and takes seconds to count in a long range. */
const UNSUMMED = ['kind', 'component'];
const JOINTS = ['and', 'or', 'not'];
/** Second names of keys, which are offered to who begins to type them. */
const OTHERS = ['host', 'hostname', 'pod_name', 'pod_id'];

/** The keys that there are; asked for once. */
let keys = null;
async function knownKeys(signal) {
  keys ??= (await get('keys', {}, { signal })).keys;
  return keys;
}

/**
 * What stands at the cursor: `typed` lies from `from` up to the cursor and on to `to`, and `place` says what may stand
 * there: a `key`, the `value` of `key`, what comes `behind` a term (that may be a key without its colon), or a word of
 * the `select` behind the `|`.
 */
export function context(text, cursor) {
  const before = tokens(text).filter(({ from }) => from < cursor);
  if (before.some((token) => isSign(token, '|'))) {
    const typed = /[A-Za-z_]\w*$/.exec(text.slice(0, cursor))?.[0] ?? '';
    return { place: 'select', typed, from: cursor - typed.length, to: cursor };
  }
  const last = before.at(-1);
  const isTouched = last && last.to >= cursor && last.kind !== 'sign';
  if (isTouched) before.pop();
  const { from, to } = isTouched ? last : { from: cursor, to: cursor };
  const typed = text.slice(from, cursor).replace(/^"|(?<!\\)"$/g, '');
  const [key, left] = [before.at(-2)?.text, before.at(-1)];
  if (isSign(left, ':') || isCompare(left)) return { place: 'value', key, typed, from, to };
  const isOpen = !left || isSign(left, '(') || JOINTS.some((word) => isWord(left, word) && !isSign(before.at(-2), ':'));
  return isOpen ? { place: 'key', typed, from, to } : { place: 'behind', key: isValue(before) ? null : left.text, typed, from, to };
}

const isValue = (before) => before.at(-1).kind !== 'word' || isSign(before.at(-2), ':') || isCompare(before.at(-2));

/** What can stand there: `{ text, note }`; `text` takes the place of what is typed. */
export async function suggestions({ place, key, typed }, signal) {
  if (place === 'value') return values(key, typed, signal);
  if (place === 'select') return typed ? selectable(typed, signal) : [];
  const known = await knownKeys(signal);
  const begins = (text) => text !== typed && text.toLowerCase().startsWith(typed.toLowerCase());
  const joints = (some) => some.filter(begins).map((text) => ({ text: `${text} `, note: t('statement.joint') }));
  const asKeys = (some) => some.map((one) => ({ text: one.endsWith('.') ? one : `${one} : `, note: t('statement.key') }));
  if (typed) return [...joints(place === 'key' ? ['not'] : JOINTS), ...asKeys(known.filter((one) => one === typed || begins(one)))].slice(0, OFFERED);
  if (place === 'key') return asKeys(known.filter((one) => /^[a-z_]+$/.test(one) && !OTHERS.includes(one)));
  const signs = key === 'level' || key === 'count' ? [':', '>=', '<='] : known.includes(key) ? [':'] : [];
  return signs.length ? signs.map((text) => ({ text: `${text} `, note: t('statement.compare') })) : joints(JOINTS);
}

/** What is found in the newest part of the range; where that is nothing, in a longer part, and at last in the whole. */
async function newest(ask, ...lengths) {
  const { from, until } = bounds();
  for (const length of lengths) {
    if (from !== null && until - from <= length) break;
    const found = await ask({ cluster: view().cluster, from: new Date(until - length).toISOString(), until: new Date(until).toISOString() });
    if (found.length) return found;
  }
  return ask(scope());
}

async function values(key, typed, signal) {
  const told = ({ values: [value], count }, name = value) => ({ text: `${quoted(name)} `, note: number(count) });
  const wanted = typed.toLowerCase();
  if (FACETS[key]) {
    const by = FACETS[key];
    // Of many values those that are meant; what is no plain text cannot be asked for by a part of it.
    const query = /^[\w./-]+$/.test(typed) && by !== 'level' && !UNSUMMED.includes(by) ? `${by} : *${typed}*` : '';
    const ask = async (range) => (await get('facets', { ...range, by, top: 200, query }, { signal })).facets[0].groups;
    const groups = UNSUMMED.includes(by) ? await newest(ask, HOUR, DAY) : await ask(scope());
    const found = groups.filter(({ values: [value] }) => value?.toLowerCase().includes(wanted) && value !== typed);
    const early = ({ values: [value] }) => (value.toLowerCase().startsWith(wanted) ? 0 : 1);
    return found.sort((a, b) => early(a) - early(b)).slice(0, OFFERED).map((group) => told(group));
  }
  if (NAMES[key] && /^[\w.:-]+$/.test(typed)) {
    const ask = async (range) => (await get('objects', { ...range, ...NAMES[key], prefix: typed, limit: OFFERED }, { signal })).objects;
    return (await newest(ask, DAY)).map((group) => told(group, group.values[0].split('/').at(-1)));
  }
  return [];
}

/** Functions that are known beside SQLite's own; see `eventcenter-store/src/sql/functions.rs`. */
const FUNCTIONS = ['count', 'sum', 'min', 'max', 'avg', 'count_if', 'approx_distinct', 'max_by', 'min_by', 'date_trunc', 'date_format', 'from_unixtime', 'to_unixtime', 'time_series'];
const CLAUSES = ['select', 'from', 'where', 'group by', 'having', 'order by', 'limit', 'distinct', 'occurrences', 'log', 'desc'];

/** The columns of a table, as the engine has them; asked for once. */
let columns = null;
async function selectable(typed, signal) {
  const named = async (table) => (await get('query', { query: `* | select * from ${table} limit 0`, since: '1m' }, { signal })).columns;
  columns ??= [...new Set((await Promise.all(['log', 'occurrences'].map(named))).flat())].filter((name) => /^\w+$/.test(name));
  const begins = (text) => text !== typed && text.startsWith(typed.toLowerCase());
  const offered = (some, note, behind) => some.filter(begins).map((text) => ({ text: text + behind, note }));
  return [...offered(columns, t('statement.column'), ' '), ...offered(FUNCTIONS, t('statement.function'), '('), ...offered(CLAUSES, 'SQL', ' ')].slice(0, OFFERED);
}

// The field ------------------------------------------------------------------------------------------------------

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
  const list = h('ul', { class: 'completion', role: 'listbox', id: `${id}-list`, 'aria-label': t('statement.offered'), hidden: true });
  const mistake = h('div', { class: 'mistake', role: 'alert', id: `${id}-mistake`, hidden: true });
  const input = h(rows > 1 ? 'textarea' : 'input', {
    id, value, rows: rows > 1 ? rows : null, class: 'mono', type: rows > 1 ? null : 'text', enterkeyhint: 'search', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off',
    role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list.id, 'aria-describedby': mistake.id,
    'aria-label': t('statement.label'), placeholder: 'level >= Warning and namespace : shop',
  });
  const state = { found: [], chosen: -1, asked: null };

  function close() {
    suggest.cancel();
    state.asked?.abort();
    Object.assign(state, { found: [], chosen: -1 });
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }

  function choose(at) {
    state.chosen = at;
    [...list.children].forEach((one, place) => one.setAttribute('aria-selected', String(place === at)));
    list.children[at].scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', list.children[at].id);
  }

  function take(at) {
    const { from, to } = context(input.value, input.selectionStart);
    const before = input.value.slice(0, from) + state.found[at].text;
    input.value = before + input.value.slice(to).trimStart();
    input.setSelectionRange(before.length, before.length);
    close();
    input.focus();
    show(null);
    suggest();
  }

  const suggest = settled(async () => {
    state.asked?.abort();
    const { signal } = (state.asked = new AbortController());
    // Suggestions are a help: without them one can still type.
    const found = await suggestions(context(input.value, input.selectionStart), signal).catch(() => []);
    if (signal.aborted || document.activeElement !== input) return;
    Object.assign(state, { found, chosen: -1 });
    input.removeAttribute('aria-activedescendant');
    put(list, found.map(({ text, note }, at) =>
      h('li', { role: 'option', id: `${id}-${at}`, 'aria-selected': 'false', onpointerdown: (event) => { event.preventDefault(); take(at); } },
        h('span', { class: 'mono' }, text), h('span', { class: 'faint' }, note))));
    list.hidden = !found.length;
    input.setAttribute('aria-expanded', String(found.length > 0));
  }, 100);

  input.addEventListener('input', () => {
    show(null);
    suggest();
  });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    const { found, chosen } = state;
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (found.length && way) {
      choose(chosen < 0 && way < 0 ? found.length - 1 : (chosen + way + found.length) % found.length);
    } else if (found.length && (event.key === 'Tab' || event.key === 'Enter') && chosen >= 0) {
      take(chosen);
    } else if (event.key === 'Escape' && found.length) {
      close();
    } else if ((event.key === ' ' && event.ctrlKey) || (way > 0 && rows === 1)) {
      suggest();
    } else if (event.key === 'Enter' && (rows === 1 || event.ctrlKey || event.metaKey)) {
      close();
      onRun(input.value.trim());
    } else {
      return;
    }
    event.preventDefault();
    // Escape closes one thing at a time.
    event.stopPropagation();
  });

  /** Shows where the statement is wrong; null: nowhere. */
  function show(problem) {
    mistake.hidden = !problem;
    input.setAttribute('aria-invalid', String(Boolean(problem)));
    put(mistake, problem && [problem.column > 0 && spot(input.value, problem.column - 1), h('span', {}, problem.message)]);
  }

  return { field: h('div', { class: 'statement' }, input, list, mistake), input, show };
}

/** The statement around a place, which is marked. Columns count characters, not the halves of which some are made. */
function spot(statement, at) {
  const signs = [...statement.replace(/\s/g, ' ')];
  const from = Math.max(at - 60, 0);
  return h('pre', {}, from > 0 && '…', signs.slice(from, at).join(''), h('mark', {}, signs[at] ?? ' '), signs.slice(at + 1, from + 120).join(''));
}
