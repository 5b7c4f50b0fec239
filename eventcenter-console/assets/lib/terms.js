// What a search statement is made of: enough to take it apart at its top, to put it together, and to complete it.
//
// The program's own reading is `eventcenter-core/src/query/`; nothing here decides what a statement finds.

const SIGN = /[()[\]:=|]|[<>]=?/y;
const QUOTED = /"(?:\\[^]|[^"\\])*"?/y;
const WORD = /[^\s()[\]"|:<>=]+/y;
// What follows a colon is one value: `nginx:1.27`.
const VALUE = /[^\s()[\]"|]+/y;

/** The tokens of a statement: `{ text, from, to, kind }`, where the kind is `sign`, `quoted` or `word`. */
export function tokens(statement) {
  const found = [];
  let at = 0;
  const read = (pattern, kind) => {
    pattern.lastIndex = at;
    const text = pattern.exec(statement)?.[0];
    if (text) found.push({ text, from: at, to: (at += text.length), kind });
    return Boolean(text);
  };
  while (at < statement.length) {
    const isValue = isSign(found.at(-1), ':');
    if (!(isValue && read(VALUE, 'word')) && !read(QUOTED, 'quoted') && !read(SIGN, 'sign') && !read(WORD, 'word')) at += 1;
  }
  return found;
}

/** Whether the token is this word of the language, and not a value that reads so. */
export const isWord = (token, word) => token?.kind === 'word' && token.text.toLowerCase() === word;
export const isSign = (token, text) => token?.kind === 'sign' && token.text === text;
export const isCompare = (token) => token?.kind === 'sign' && /^[<>=]/.test(token.text);

/** The place behind the parenthesis that opens at `at`. */
function closed(all, at) {
  let depth = 0;
  for (let place = at; place < all.length; place += 1) {
    if (isSign(all[place], '(') || isSign(all[place], '[')) depth += 1;
    if (isSign(all[place], ')') || isSign(all[place], ']')) depth -= 1;
    if (depth === 0) return place + 1;
  }
  return all.length;
}

/** The place behind the term that begins at `at`. */
function behind(all, at) {
  let next = at;
  while (isWord(all[next], 'not')) next += 1;
  if (isSign(all[next], '(')) return closed(all, next);
  next += 1;
  if (isSign(all[next], ':') || isCompare(all[next])) return next + 2;
  if (isWord(all[next], 'in') && /^[[(]$/.test(all[next + 1]?.text)) return closed(all, next + 1);
  return next;
}

/** The terms that must all hold, each as it was written; the whole if it is not made so. */
export function terms(statement) {
  const all = tokens(statement);
  const found = [];
  for (let at = 0; at < all.length; ) {
    if (isWord(all[at], 'or')) return [statement.trim()];
    if (isWord(all[at], 'and')) {
      at += 1;
      continue;
    }
    const end = behind(all, at);
    found.push(statement.slice(all[at].from, all[Math.min(end, all.length) - 1].to));
    at = end;
  }
  return found;
}

/** A value of others as a phrase of a statement: nothing in it is an operator. */
export const quoted = (value) =>
  /^[A-Za-z0-9][A-Za-z0-9_./-]*$/.test(value) && !/^(and|or|not|in)$/i.test(value)
    ? value
    : `"${String(value).replace(/["\\]/g, '\\$&')}"`;

/** `key : value`. */
export const term = (key, value) => `${key} : ${quoted(value)}`;

/** Statements that must all hold. `or` binds less than `and`: what has one at its top gets parentheses. */
export function all(...statements) {
  const said = statements.map((one) => one?.trim()).filter((one) => one && one !== '*');
  const isEither = (one) => {
    const read = tokens(one);
    return terms(one).length === 1 && read.length > 1 && behind(read, 0) < read.length;
  };
  return said.length < 2 ? (said[0] ?? '') : said.map((one) => (isEither(one) ? `(${one})` : one)).join(' and ');
}

const opposite = (one) => (/^not\s/i.test(one) ? one.replace(/^not\s+/i, '') : `not ${one}`);

/** The statement without one of its terms. */
export const without = (statement, one) => all(...terms(statement).filter((other) => other !== one));

/** The statement with another term, once. What excludes the term goes, and the other way round. */
export const withTerm = (statement, one) => all(...terms(statement).filter((other) => other !== one && other !== opposite(one)), one);
