// What is kept, and how long it will be: by age, and by bytes at the present growth.

import { h } from '../../lib/dom.js';
import { section } from '../../lib/parts.js';
import { DAY, instant, span } from '../../lib/time.js';
import { bytes, number, t } from '../../lib/words.js';

/**
 * Retention in milliseconds since 1970: when what is oldest now will go, and by what; null if nothing makes it go.
 *
 * Bytes grow as events do: a day's part of all that was taken is that part of all bytes.
 *
 * @param {{ oldest: number, bytes: number, age: number | null, limit: number | null, now: number, lastDay: number, all: number }} kept
 *   `age` in milliseconds, `limit` in bytes; `lastDay` and `all` are occurrences
 */
export function forecast({ oldest, bytes: used, age, limit, now, lastDay, all }) {
  const growth = all > 0 ? (used * lastDay) / all : 0;
  const byAge = age === null ? null : oldest + age;
  const byBytes = limit === null || growth <= 0 ? null : now + (Math.max(limit - used, 0) / growth) * DAY;
  return { growth, byAge, byBytes };
}

const length = (duration) => (duration ? duration.secs * 1000 + duration.nanos / 1e6 : null);

/** @param {{ store: object, lastDay: number, all: number }} told */
export function kept({ store, lastDay, all }) {
  const { range, retention } = store;
  const age = length(retention.age);
  const oldest = range ? Date.parse(range.from) : null;
  const now = Date.now();
  const { growth, byAge, byBytes } = forecast({ oldest: oldest ?? now, bytes: store.bytes, age, limit: retention.bytes, now, lastDay, all });
  const about = (title, ...value) => h('div', {}, h('dt', {}, title), h('dd', {}, value));
  return section(t('status.store'), {},
    store.set_aside.map((text) => h('p', { class: 'notice bad' }, text)),
    h('dl', { class: 'pairs' },
      about(t('status.engine'), store.engine),
      about(t('status.events'), number(store.events)),
      about(t('status.size'), bytes(store.bytes), retention.bytes === null ? '' : ` ${t('status.of_most', { most: bytes(retention.bytes) })}`),
      about(t('status.oldest'), oldest === null ? t('status.nothing_kept') : `${instant(oldest)} (${span(now - oldest)})`),
      about(t('status.newest'), range ? instant(range.until) : '–'),
      about(t('status.growth'), t('status.a_day', { size: bytes(growth), n: number(lastDay) })),
      about(t('status.by_age'), age === null ? t('status.no_limit') : t('status.keeps', { span: span(age) }), byAge !== null && oldest !== null ? ` ${t('status.goes', { time: instant(byAge) })}` : ''),
      about(t('status.by_bytes'), retention.bytes === null ? t('status.no_limit') : byBytes === null ? t('status.no_growth') : t('status.full', { time: instant(byBytes), span: span(byBytes - now) }))));
}
