// Times, spans and ranges. A time is a number of milliseconds since 1970, or a text of the API.

import { language, t } from './words.js';
import { zone } from './taste.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const formats = new Map();

function format(options) {
  const key = `${zone()} ${JSON.stringify(options)}`;
  if (!formats.has(key)) {
    const timeZone = zone() === 'utc' ? 'UTC' : undefined;
    formats.set(key, new Intl.DateTimeFormat(language, { ...options, timeZone, hourCycle: 'h23' }));
  }
  return formats.get(key);
}

const number = (at) => (typeof at === 'number' ? at : Date.parse(at));
const parts = (at) =>
  Object.fromEntries(
    format({ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' })
      .formatToParts(number(at))
      .map(({ type, value }) => [type, value]),
  );

/** `2026-11-25 08:15:03`, in the reader's zone: sorts, and means the same in every language. */
export function instant(at) {
  if (!Number.isFinite(number(at))) return '–';
  const { year, month, day, hour, minute, second } = parts(at);
  return `${year}-${month}-${day} ${hour}:${minute}:${second}`;
}

/** Without the date where it is today's. */
export function brief(at) {
  const full = instant(at);
  return full.slice(0, 10) === instant(Date.now()).slice(0, 10) ? full.slice(11) : full.slice(5, 16);
}

/** What a tick of an axis says, at a distance of `step` from its neighbours. */
export function tick(at, step) {
  const { month, day, hour, minute, second } = parts(at);
  if (step >= DAY || (hour === '00' && minute === '00' && step >= MINUTE)) return `${month}-${day}`;
  return step < MINUTE ? `${hour}:${minute}:${second}` : `${hour}:${minute}`;
}

/** The name of the reader's zone: `UTC`, `Asia/Shanghai`. */
export const zoneName = () =>
  zone() === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone || t('time.local');

/** The zone's distance from UTC at a time, in seconds, east positive: what the API calls `offset`. */
export const offset = (at = Date.now()) => (zone() === 'utc' ? 0 : -new Date(number(at)).getTimezoneOffset() * 60);

/** A span in at most two units: `3d 4h`, `90s`. Milliseconds. */
export function span(milliseconds) {
  if (!Number.isFinite(milliseconds)) return '–';
  if (milliseconds < 0) return `−${span(-milliseconds)}`;
  if (milliseconds < SECOND) return `${Math.round(milliseconds)}${t('span.ms')}`;
  const units = [['d', DAY], ['h', HOUR], ['m', MINUTE], ['s', SECOND]];
  const at = units.findIndex(([, length]) => milliseconds >= length);
  const [name, length] = units[at];
  const count = Math.floor(milliseconds / length);
  const below = units[at + 1];
  const rest = below ? Math.floor((milliseconds % length) / below[1]) : 0;
  const whole = `${count}${t(`span.${name}`)}`;
  return rest ? `${whole} ${rest}${t(`span.${below[0]}`)}` : whole;
}

/** How long ago, in words. */
export function ago(at) {
  const past = Date.now() - number(at);
  return past < 5 * SECOND ? t('time.now') : t('time.ago', { span: span(past) });
}

/** What `datetime-local` fields hold, in the reader's zone, and back. */
export const fieldOf = (at) => instant(at).replace(' ', 'T');

export function ofField(text) {
  const utc = Date.parse(`${text}Z`);
  return zone() === 'utc' ? utc : new Date(text).getTime();
}

/** Times for the ticks of an axis, at most `most`, at round distances in the reader's zone. */
export function ticks(from, until, most) {
  const steps = [1, 2, 5, 10, 15, 30].map((n) => n * SECOND)
    .concat([1, 2, 5, 10, 15, 30].map((n) => n * MINUTE))
    .concat([1, 2, 3, 6, 12].map((n) => n * HOUR))
    .concat([1, 2, 3, 5, 7, 14, 30, 90, 365].map((n) => n * DAY));
  const step = steps.find((length) => (until - from) / length <= most) ?? 365 * DAY;
  const shift = offset(from) * SECOND;
  const found = [];
  for (let at = Math.ceil((from + shift) / step) * step - shift; at <= until; at += step) found.push(at);
  return { step, ticks: found };
}
