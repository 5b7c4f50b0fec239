// What a reader does with a time line: points, brushes, turns the wheel, presses keys.
//
// Without a modifier the wheel scrolls the page, as everywhere; with Ctrl (or a pinch) it zooms, with Shift it pans.

const SHORTEST = 1000;

/** A window of the same middle (or `about`), `by` times as long, within the whole. */
export function scaled([from, until], by, whole, about = (from + until) / 2) {
  const length = Math.min(Math.max((until - from) * by, SHORTEST), whole[1] - whole[0]);
  const begin = about - ((about - from) / (until - from)) * length;
  return within([begin, begin + length], whole);
}

/** A window moved by a part of its length. */
export const moved = ([from, until], part, whole) =>
  within([from + part * (until - from), until + part * (until - from)], whole);

function within([from, until], whole) {
  const length = Math.min(until - from, whole[1] - whole[0]);
  const begin = Math.min(Math.max(from, whole[0]), whole[1] - length);
  return [begin, begin + length];
}

/**
 * Listens to a time line.
 *
 * @param {object} state of `lanes`: box, window, whole, hits, scale
 * @param {object} told
 * @param {() => void} told.overlay cursor, brush or focus have changed
 * @param {(window: [number, number], how?: { settled: boolean }) => void} told.look
 * @param {(hit: object | null) => void} told.hover
 * @param {(hit: object | null) => void} told.choose
 */
export function listen(state, { overlay, look, hover, choose }) {
  const { box } = state;
  const offset = (event) => {
    const place = box.getBoundingClientRect();
    return [event.clientX - place.left, event.clientY - place.top];
  };
  const time = (px) => Math.min(Math.max(state.scale.at(px), state.window[0]), state.window[1]);

  function hit([px, py]) {
    let best = null;
    let distance = Infinity;
    for (const one of state.hits) {
      const [dx, dy] = [Math.max(one.x0 - px, px - one.x1, 0), Math.abs(one.y - py)];
      if (dx <= 8 && dy <= 10 && dx + dy < distance) [best, distance] = [one, dx + dy];
    }
    return best;
  }

  box.addEventListener('pointermove', (event) => {
    if (!state.scale) return;
    const at = offset(event);
    state.cursor = time(at[0]);
    if (state.pressed) {
      const isBrush = Math.abs(at[0] - state.pressed.px) > 4;
      if (isBrush || state.brush) state.brush = [state.pressed.at, state.cursor];
    }
    state.pointed = state.brush ? null : hit(at);
    hover(state.pointed);
    overlay();
  });
  box.addEventListener('pointerleave', () => {
    state.cursor = state.pointed = null;
    hover(null);
    overlay();
  });
  box.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || !state.scale) return;
    const [px] = offset(event);
    state.pressed = { px, at: time(px) };
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener('pointerup', (event) => {
    const { brush } = state;
    const wasPressed = state.pressed;
    state.pressed = state.brush = null;
    if (brush && Math.abs(brush[1] - brush[0]) > 0) {
      const [from, until] = [Math.min(...brush), Math.max(...brush)];
      look(scaled([from, until], Math.max(1, SHORTEST / (until - from)), state.whole));
    } else if (wasPressed) {
      choose(hit(offset(event)));
    }
    overlay();
  });
  box.addEventListener('pointercancel', () => {
    state.pressed = state.brush = null;
    overlay();
  });
  box.addEventListener('dblclick', () => look(state.whole));
  box.addEventListener('wheel', (event) => {
    const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!state.scale || !(event.ctrlKey || event.metaKey || event.altKey || isPan)) return;
    event.preventDefault();
    const turned = (event.deltaX || event.deltaY) * (event.deltaMode === 1 ? 20 : 1);
    const window = isPan && !event.ctrlKey
      ? moved(state.window, turned / box.clientWidth, state.whole)
      : scaled(state.window, 1.002 ** turned, state.whole, time(offset(event)[0]));
    look(window, { settled: false });
  }, { passive: false });

  box.addEventListener('keydown', (event) => {
    if (!state.scale || event.altKey || event.metaKey || (event.ctrlKey && event.key !== '0')) return;
    if (!pressed(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** Whether the key means something here. */
  function pressed({ key, shiftKey }) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[key];
    const lane = { ArrowUp: -1, ArrowDown: 1 }[key];
    if (way && shiftKey) look(moved(state.window, way / 4, state.whole));
    else if (way || lane) walk(way, lane);
    else if (key === '+' || key === '=') look(scaled(state.window, 0.5, state.whole, state.focus?.from));
    else if (key === '-' || key === '_') look(scaled(state.window, 2, state.whole, state.focus?.from));
    else if (key === '0' || key === 'Home') look(state.whole);
    else if (key === 'Enter' && state.focus) choose(state.focus);
    else if (key === 'Escape') back();
    else return false;
    return true;
  }

  /** To the mark beside, or to the nearest in the next lane that has any. */
  function walk(way, lane) {
    const { focus, hits } = state;
    if (!focus) return focused(lane === -1 || way === -1 ? hits.at(-1) : hits[0]);
    if (way) {
      const beside = hits.filter((one) => one.lane === focus.lane).sort((a, b) => a.x - b.x);
      return focused(beside[beside.indexOf(focus) + way]);
    }
    const others = hits.filter((one) => (lane > 0 ? one.lane > focus.lane : one.lane < focus.lane));
    const next = others.map((one) => one.lane).reduce((a, b) => (lane > 0 ? Math.min(a, b) : Math.max(a, b)), lane > 0 ? Infinity : -1);
    const near = (one) => Math.abs(one.x - focus.x);
    return focused(others.filter((one) => one.lane === next).sort((a, b) => near(a) - near(b))[0]);
  }

  function focused(mark) {
    if (!mark) return;
    state.focus = mark;
    hover(mark);
    overlay();
  }

  /** One thing less at a time: the mark, then what was chosen, then the zoom. */
  function back() {
    if (state.focus) state.focus = null;
    else if (state.chosen) choose(null);
    else look(state.whole);
    hover(null);
    overlay();
  }

  box.addEventListener('blur', () => {
    state.focus = null;
    hover(null);
    overlay();
  });
}
