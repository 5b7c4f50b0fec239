// Words and numbers in the reader's language. The words stand in the page; see `assets/words/`.

const words = JSON.parse(document.getElementById('words').textContent);

export const language = document.documentElement.lang;

/** The text of a key, with `{name}` replaced by values. */
export function t(key, values) {
  const text = words[key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place) : text;
}

/** Whether there is a text of this key. */
export const isSaid = (key) => key in words;

/** A number of things as a word: `key.one` where the language says so, else `key.other`. */
export function many(key, count) {
  const rule = plurals.select(count);
  return t(words[`${key}.${rule}`] ? `${key}.${rule}` : `${key}.other`, { n: number(count) });
}

const plurals = new Intl.PluralRules(language);
const whole = new Intl.NumberFormat(language);
const short = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });

/** A number in full: 12,345. */
export const number = (value) => whole.format(value);

/** A number in short: 12K, 1.2万. */
export const compact = (value) => (Math.abs(value) < 10_000 ? whole.format(value) : short.format(value));

/** Bytes in binary units. */
export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: value < 10 && at ? 1 : 0 }).format(value)} ${units[at]}`;
}
