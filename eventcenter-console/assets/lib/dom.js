// Elements, made without markup: text of events can only ever become text.
//
// Everything that is shown goes through `plain`, which replaces characters that are orders rather than letters, as
// the program does on a terminal.

const SVG = 'http://www.w3.org/2000/svg';

// Control characters; marks, overrides and isolates of direction; separators of lines; what has no width.
const ORDERS = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** The text on one line, with orders replaced: control characters by their pictures, the others by �. */
export function plain(text) {
  return String(text ?? '').replace(ORDERS, (c) => {
    if (c === '\t') return ' ';
    if (c <= '\u001f') return String.fromCharCode(0x2400 + c.charCodeAt(0));
    return c === '\u007f' ? '\u2421' : '\ufffd';
  });
}

/** The same over several lines, for a document that is shown as it is. */
export function plainLines(text) {
  return String(text ?? '').split('\n').map(plain).join('\n');
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') element[name] = value;
    else element.setAttribute(name, value === true ? '' : plain(value));
  }
  add(element, children);
  return element;
}

/** Appends children: nodes, texts, lists of them; null and false are nothing. */
export function add(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : plain(child));
  }
  return element;
}

/** An element: `h('a', { href, class, onclick }, ...children)`. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An element of a drawing. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Puts these children in the place of all that an element has. */
export function put(element, ...children) {
  element.replaceChildren();
  return add(element, ...children);
}

/** Calls `then` when nobody has called for so many milliseconds; `cancel` takes the last call back. */
export function settled(then, milliseconds) {
  let timer;
  const call = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => then(...values), milliseconds);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}
