// What the program counts about itself: `/metrics`, in OpenMetrics text, read as far as a page needs it.

const SAMPLE = /^eventcenter_([a-z_]+)(?:\{(.*)\})? (-?[\d.eE+-]+)$/;
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/**
 * The samples by name: `{ labels, value }`. A counter has its name without `_total`.
 *
 * @param {string} text
 */
export function read(text) {
  const found = new Map();
  for (const line of text.split('\n')) {
    const sample = SAMPLE.exec(line);
    if (!sample) continue;
    const name = sample[1].replace(/_total$/, '');
    const labels = Object.fromEntries([...(sample[2] ?? '').matchAll(LABEL)].map(([, key, value]) => [key, value.replace(/\\(.)/g, '$1')]));
    if (!found.has(name)) found.set(name, []);
    found.get(name).push({ labels, value: Number(sample[3]) });
  }
  return found;
}

/** The sum of the samples that have these labels; null if there is none. */
export function sum(metrics, name, labels = {}) {
  const fits = (sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
  const samples = (metrics.get(name) ?? []).filter(fits);
  return samples.length ? samples.reduce((total, { value }) => total + value, 0) : null;
}

/** The numbers by the value of a label, `kind`: the largest first, without zeros. */
export function by(metrics, name, label, labels = {}) {
  const fits = (sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
  const samples = (metrics.get(name) ?? []).filter((sample) => fits(sample) && sample.value > 0);
  return samples.sort((a, b) => b.value - a.value).map((sample) => [sample.labels[label], sample.value]);
}

/** All values of a label, over these names. */
export function values(metrics, names, label) {
  const all = names.flatMap((name) => (metrics.get(name) ?? []).map((sample) => sample.labels[label]));
  return [...new Set(all.filter(Boolean))].sort();
}
