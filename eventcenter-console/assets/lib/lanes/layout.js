// Where things stand on a time line: rows of a lane, and marks that would overlap drawn as one.

const RANK = { Normal: 0, Warning: 1, Error: 2 };

/** The worse of two levels. */
export const worse = (a, b) => ((RANK[a] ?? 0) >= (RANK[b] ?? 0) ? a : b);

/** How wide a text of 11 pixels is, about: enough to tell whether it fits. */
export const wide = (text) => [...text].reduce((sum, c) => sum + (c > '\u2e7f' ? 11.5 : 6.3), 0);

/** The text, cut so that it fits; nothing where not even its beginning would. */
export function fitting(text, width) {
  if (wide(text) <= width) return text;
  const letters = [...text];
  while (letters.length && wide(letters.join('')) + 8 > width) letters.pop();
  return letters.length < 4 ? '' : `${letters.join('')}…`;
}

/**
 * Points in rows, so that those that last at the same time do not share one; the later a row, the longer what is in
 * it had to wait for a place. What finds none in `most` rows stands where it disturbs least.
 *
 * @param {{ from: number, until: number, reason: string }[]} points oldest first
 * @param {number} scale pixels of a millisecond
 */
export function rows(points, scale, most) {
  const found = [];
  for (const point of points) {
    const begin = point.from * scale;
    const end = point.until * scale + 16 + wide(point.reason);
    let row = found.find((one) => one.end < begin);
    if (!row && found.length < most) found.push((row = { end: 0, points: [] }));
    row ??= found.reduce((best, one) => (one.end < best.end ? one : best));
    row.end = Math.max(row.end, end);
    row.points.push(point);
  }
  return found.map(({ points: inRow }) => inRow);
}

/** The first place in moments (oldest first) that is not before `at`. */
function place(moments, at) {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (moments[middle].at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The marks of a row within a window: moments nearer than `near` pixels to the first of them are one mark.
 *
 * @param {object[]} points of the row
 * @param {{ x: (at: number) => number, from: number, until: number, near: number }} window
 */
export function marks(points, { x, from, until, near }) {
  const seen = [];
  for (const point of points) {
    for (let at = place(point.moments, from); at < point.moments.length && point.moments[at].at <= until; at += 1) {
      seen.push({ point, moment: point.moments[at] });
    }
  }
  seen.sort((a, b) => a.moment.at - b.moment.at);
  const found = [];
  for (const { point, moment } of seen) {
    const px = x(moment.at);
    let mark = found.at(-1);
    if (!mark || px - mark.x0 >= near) {
      mark = { x0: px, x1: px, from: moment.at, until: moment.at, count: 0, level: point.level, counts: new Map() };
      found.push(mark);
    }
    mark.x1 = px;
    mark.until = moment.at;
    mark.count += moment.rise;
    mark.level = worse(mark.level, point.level);
    mark.counts.set(point, (mark.counts.get(point) ?? 0) + moment.rise);
  }
  return found.map((mark) => ({ ...mark, x: (mark.x0 + mark.x1) / 2, points: [...mark.counts.keys()] }));
}
