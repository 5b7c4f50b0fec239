// How often over time: from the answers of the API to a chart of stacked bars that leads closer.

import { bars } from './chart.js';
import { levelSeries } from './parts.js';
import { zoom } from './range.js';

/**
 * Counts as the buckets of a chart, oldest first: `entries` are `[at, place in the stack, count]`.
 *
 * @param {number} series how many are stacked
 */
export function stacked(series, entries) {
  const buckets = new Map();
  for (const [at, place, count] of entries) {
    const from = Date.parse(at);
    if (!buckets.has(from)) buckets.set(from, { at: from, values: Array(series).fill(0) });
    buckets.get(from).values[place] += count;
  }
  return [...buckets.values()].sort((a, b) => a.at - b.at);
}

/** When the picture ends: a range that ends in the future ends now, or with the bucket of now. */
export function drawnUntil(range, buckets, step) {
  const until = Date.parse(range.until);
  const last = buckets.length ? buckets.at(-1).at + step : 0;
  return until > Date.now() ? Math.max(Date.now(), last) : until;
}

/** A trend by level, as overview and node tell it. */
export function levelTrend(label, { range, trend: { step_seconds: seconds, buckets: told } }, height) {
  const step = seconds * 1000;
  const buckets = told.map(({ at, levels: { normal, warning, error } }) => ({ at: Date.parse(at), values: [normal, warning, error] }));
  return bars({ label, series: levelSeries(), step, from: Date.parse(range.from), until: drawnUntil(range, buckets, step), height, buckets, onBrush: zoom });
}
