// A life as the API tells it, made ready to be drawn: times as numbers, lanes with their titles.

import { MINUTE } from '../../lib/time.js';
import { number, t } from '../../lib/words.js';

/**
 * @param {object} life of `pods/{cluster}/{namespace}/{name}`
 * @param {number} now when the answer was made, or where its range ends
 */
export function ready(life, now) {
  const lanes = life.lanes.map((lane) => ({
    title: laneTitle(lane, life.node) + restartsOf(lane, life),
    mark: lane.kind === 'node' ? 'lane-node' : '',
    rows: lane.kind === 'container' || lane.kind === 'node' ? 3 : 2,
    points: lane.points.map((point) => ({
      ...point,
      lane: laneTitle(lane, life.node),
      isNode: lane.kind === 'node',
      from: Date.parse(point.from),
      until: Date.parse(point.until),
      moments: point.moments.map(({ at, rise, estimated }) => ({ at: Date.parse(at), rise, estimated })),
    })),
  }));
  life.lanes.forEach((lane, index) => lane.kind === 'container' && tellRestarts(lanes[index].points));
  const points = lanes.flatMap((lane) => lane.points);
  return { ...life, lanes, points, whole: extent(life, points, now), now };
}

const laneTitle = ({ kind, container }, node) => {
  if (kind === 'container') return container;
  return kind === 'node' && node ? node : t(`lane.${kind}`);
};

function restartsOf({ kind, container }, { containers }) {
  const restarts = kind === 'container' ? (containers.find(({ name }) => name === container)?.restarts ?? 0) : 0;
  return restarts ? ` ↻${number(restarts)}` : '';
}

/** A start of a container that had started before is a restart. */
function tellRestarts(points) {
  const starts = points.filter(({ reason }) => reason === 'Started').flatMap(({ moments }) => moments);
  starts.sort((a, b) => a.at - b.at);
  starts.forEach((moment, index) => {
    moment.restart = index > 0 || moment.rise > 1;
  });
}

/** From its first to its last event, and until now where that is not far: so that it can be seen whether it goes on. */
function extent({ end }, points, now) {
  // What is well with its node for days says nothing of a Pod.
  const told = points.filter((point) => !point.isNode || point.level !== 'Normal');
  const from = told.reduce((least, point) => Math.min(least, point.from), Infinity);
  const last = told.reduce((most, point) => Math.max(most, point.until), -Infinity);
  const length = last - from;
  const goesOn = !end && now > last && now - last <= Math.max(length / 2, 15 * MINUTE);
  const until = goesOn ? now : last;
  const room = Math.max((until - from) * 0.03, 2000);
  return [from - room, until + room];
}

/** Whether what is wrong is still going on, by the newest word of it: `on`, `quiet`, `overcome`, `gone`. */
export function stateOf(finding, life) {
  if (finding.overcome) return 'overcome';
  if (life.end) return 'gone';
  const often = (finding.every_seconds ?? 0) * 1000;
  return life.now - Date.parse(finding.last) <= Math.max(10 * MINUTE, often * 2.5) ? 'on' : 'quiet';
}
