// Which parts of the product's code ran, by V8's block coverage. Reading it costs a millisecond or two, however little has
// run, so the engine reads it after a batch of cases and looks closer only where something is new.
import { Session } from 'node:inspector';

/** Files whose coverage counts. */
const PRODUCT = /\/packages\/(?:h2-core|hpack)\/dist\/(?!testing\/)/;

export class Coverage {
  constructor() {
    /** Per script, by character of its source: 1 where some case has been. */
    this.seen = new Map();
    /** Blocks that were new when they were first reached. */
    this.blocks = 0;
    this.session = new Session();
    this.session.connect();
    this.post('Profiler.enable');
    this.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  }

  post(method, parameters) {
    let answer;
    let failure = null;
    this.session.post(method, parameters, (error, result) => {
      failure = error;
      answer = result;
    });
    if (failure !== null) throw new Error(`${method}: ${failure.message}`);
    return answer;
  }

  /** Forgets what has run since the last reading. */
  skip() {
    this.post('Profiler.takePreciseCoverage');
  }

  /** How many blocks ran since the last reading for the first time ever. They are known from now on. */
  take() {
    const fresh = this.read(true);
    this.blocks += fresh;
    return fresh;
  }

  /** The same, but they stay unknown. */
  peek() {
    return this.read(false);
  }

  read(marks) {
    let fresh = 0;
    for (const { url, functions } of this.post('Profiler.takePreciseCoverage').result) {
      if (!PRODUCT.test(url)) continue;
      const seen = this.map(url, functions);
      for (const { ranges } of functions) fresh += walk(seen, ranges, marks);
    }
    return fresh;
  }

  map(url, functions) {
    const size = functions.reduce((end, { ranges }) => Math.max(end, ranges[0].endOffset), 0);
    let seen = this.seen.get(url);
    if (seen === undefined || seen.length < size) {
      const grown = new Uint8Array(size);
      if (seen !== undefined) grown.set(seen);
      this.seen.set(url, grown);
      seen = grown;
    }
    return seen;
  }

  /** Share of the characters of every file that have run, by file name: where the fuzzer has not been. */
  report() {
    return [...this.seen].map(([url, seen]) => {
      const covered = seen.reduce((sum, each) => sum + each, 0);
      return { file: url.replace(/.*\/dist\//, ''), percent: Math.round((100 * covered) / Math.max(1, seen.length)) };
    });
  }
}

/**
 * Counts, and perhaps marks, what ran of one function and was not marked before. Its ranges are nested, the outermost first, and each says whether it ran; what an inner one
 * says holds for its part.
 */
function walk(seen, ranges, marks) {
  let fresh = 0;
  const visit = (index, until) => {
    const { startOffset, endOffset, count } = ranges[index];
    let at = startOffset;
    let next = index + 1;
    while (next < ranges.length && ranges[next].startOffset < endOffset) {
      const inner = ranges[next];
      if (count > 0) fresh += isNew(seen, at, inner.startOffset, marks);
      next = visit(next, endOffset);
      at = inner.endOffset;
    }
    if (count > 0) fresh += isNew(seen, at, Math.min(endOffset, until), marks);
    return next;
  };
  visit(0, Number.POSITIVE_INFINITY);
  return fresh;
}

/** 1 when some of [from, to) was not marked before. */
function isNew(seen, from, to, marks) {
  const at = seen.indexOf(0, from);
  if (at < 0 || at >= to) return 0;
  if (marks) seen.fill(1, from, to);
  return 1;
}
