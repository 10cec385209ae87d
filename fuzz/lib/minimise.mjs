// Makes a case that fails as small as it goes while it fails in the same way.
import { sizeOf } from './case.mjs';

/**
 * @param {(steps: object[]) => boolean} stillFails
 * @param {number} deadline milliseconds of `performance.now()`; what is reached then is given
 */
export function minimise(steps, stillFails, deadline = Number.POSITIVE_INFINITY) {
  let best = steps;
  const tries = candidate => {
    if (performance.now() > deadline || sizeOf(candidate) >= sizeOf(best) || !stillFails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let before = Number.POSITIVE_INFINITY; sizeOf(best) < before && performance.now() < deadline; ) {
    before = sizeOf(best);
    // Whole steps, many at once first.
    for (let size = best.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at < best.length; ) {
        if (!tries([...best.slice(0, at), ...best.slice(at + size)])) at += size;
      }
    }
    for (let index = 0; index < best.length; index++) shorten(index, () => best, tries);
  }
  return best;
}

/** Takes octets out of one step. */
function shorten(index, current, tries) {
  const length = () => current()[index]?.octets?.length ?? 0;
  for (let size = length() >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < length(); ) {
      const step = current()[index];
      const octets = new Uint8Array(step.octets.length - Math.min(size, step.octets.length - at));
      octets.set(step.octets.subarray(0, at));
      octets.set(step.octets.subarray(at + size), at);
      const candidate = current().slice();
      candidate[index] = { ...step, octets };
      if (!tries(candidate)) at += size;
    }
  }
}
