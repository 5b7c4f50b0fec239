// The view: what is looked at, and that is what stands in the URL. A link is the whole view.
//
// `cluster` (an id), the range (`since=24h`, or `from` and `until`), and what a page adds (`query`, ...). What is as
// usual is left out.

const USUAL = { since: '24h' };

/** The parameters of the URL, with the usual range. */
export function view() {
  const found = Object.fromEntries(new URLSearchParams(location.search));
  if (!found.since && !found.from) found.since = USUAL.since;
  return found;
}

function written(values) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== '' && value !== USUAL[name]) search.set(name, value);
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}

/** Looks at something else: changes some of the view. `replace` leaves no step for the back button. */
export function go(changes, { replace = false } = {}) {
  const values = { ...view(), ...changes };
  if ('since' in changes && changes.since) values.from = values.until = null;
  if ('from' in changes && changes.from) values.since = null;
  const url = location.pathname + written(values);
  if (url === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  dispatchEvent(new Event('view'));
}

addEventListener('popstate', () => dispatchEvent(new Event('view')));

/** The address of a page that looks at the same cluster and range, with `changes`. */
export function link(path, changes = {}) {
  const { cluster, since, from, until } = view();
  const kept = changes.since ? { cluster } : changes.from ? { cluster } : { cluster, since, from, until };
  return path + written({ ...kept, ...changes });
}

/** The part of the view that every question to the API has. */
export function scope() {
  const { cluster, since, from, until } = view();
  return { cluster, since, from, until };
}

/** Whether the range ends now, and so changes by itself. */
export const isMoving = () => Boolean(view().since);

// Statements go to other pages as part of a view.
export { all, quoted, term } from './terms.js';
