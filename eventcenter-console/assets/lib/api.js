// Questions to `/api/v1`. What cannot be answered is thrown as a `Problem`, in the reader's language where there are words
// for it, else in those of the API.

import { isSaid, t } from './words.js';

/** What went wrong: `status` (0: no answer came), `message`, and for statements `column`. */
export class Problem extends Error {
  constructor({ status = 0, type = '', title = '', detail = '', code = '', values = {}, column = null }) {
    super(sentence({ type, title, detail, code, values }));
    Object.assign(this, { status, column });
  }
}

function sentence({ type, title, detail, code, values }) {
  if (code && isSaid(`mistake.${code}`)) return t(`mistake.${code}`, values);
  const kind = type.split('/').at(-1);
  return isSaid(`problem.${kind}`) ? t('problem.said', { title: t(`problem.${kind}`), detail }) : detail || title;
}

/** The address of a question; parameters without a value are left out. */
export function address(path, params = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, value);
  }
  const text = search.toString();
  return `/api/v1/${path}${text ? `?${text}` : ''}`;
}

async function answer(response) {
  if (response.status === 401) {
    // The session has ended: the login page is what this address answers now.
    location.reload();
  }
  const text = await response.text();
  let value;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    value = null;
  }
  if (!response.ok) throw new Problem({ status: response.status, title: response.statusText, ...value });
  return value;
}

async function asked(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem({ detail: '' });
  }
  return answer(response);
}

/** Asks; `signal` gives up on it. */
export const get = (path, params, { signal } = {}) => asked(address(path, params), { signal });

/** What stands under a path of the program, as text. */
export async function text(path, { signal } = {}) {
  const response = await fetch(path, { signal });
  if (!response.ok) throw new Problem({ status: response.status, title: response.statusText });
  return response.text();
}

/** Changes something. A body that is a text is sent as it is, of the type that `headers` say. */
export const send = (method, path, body, headers = {}) =>
  asked(address(path), {
    method,
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });
