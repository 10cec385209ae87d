// The loop: takes a case that did something new, changes it, runs it, keeps it if it did something new again.
import { formatCase, parseCase, sizeOf } from './case.mjs';
import { Coverage } from './coverage.mjs';
import { minimise } from './minimise.mjs';
import { mutate } from './mutate.mjs';
import { Random } from './random.mjs';

/** Cases between two readings of the coverage, which cost as much as several cases. */
const BATCH = 24;
/** Time to make a failure smaller unless told otherwise, ms. */
const MINIMISE_MS = 20_000;
/** Two events one after the other say more than each by itself; more than this many such pairs are not kept. */
const MAX_PAIRS = 20_000;

/** What makes two failures the same: the message without its numbers. */
export function kindOf(error) {
  return String(error?.message ?? error)
    .split('\n')[0]
    .replaceAll(/\d+/g, '#');
}

/**
 * @param {{ target: object, corpus: string[], seed: number, seconds: number, minimiseMs?: number, onCase?: (text: string) => void,
 *   onNew?: (text: string, blocks: number) => void }} options `onCase` is told each case before it is run, so that one that
 *   never ends is known
 */
export function fuzz({ target, corpus, seed, seconds, minimiseMs = MINIMISE_MS, onCase = () => {}, onNew = () => {} }) {
  const random = new Random(seed);
  const coverage = new Coverage();
  const end = performance.now() + seconds * 1000;
  const pairs = new Set();
  const pool = [];
  let runs = 0;

  const attempt = steps => {
    runs++;
    onCase(steps);
    return target.run(steps);
  };
  /** How many pairs of events a run had that no run had before. */
  const newPairs = events => {
    let fresh = 0;
    for (let i = 1; i <= events.length && pairs.size < MAX_PAIRS; i++) {
      const pair = `${events[i - 1]}>${events[i]}`;
      if (pairs.has(pair)) continue;
      pairs.add(pair);
      fresh++;
    }
    return fresh;
  };
  const failed = (steps, error) => {
    const kind = kindOf(error);
    const smaller = minimise(
      steps,
      candidate => {
        try {
          onCase(candidate);
          target.run(candidate);
          return false;
        } catch (other) {
          return kindOf(other) === kind;
        }
      },
      performance.now() + minimiseMs,
    );
    return {
      runs,
      pool: pool.length,
      coverage,
      pairs: pairs.size,
      failure: { error, case: formatCase(smaller, kind) },
    };
  };
  const keep = (steps, blocks) => {
    pool.push(steps);
    onNew(steps, blocks);
  };

  const seeds = [...corpus.map(parseCase), ...(target.seeds?.() ?? [[target.grammar.makeStep(random)]])];
  coverage.skip();
  for (const steps of seeds) {
    try {
      newPairs(attempt(steps));
    } catch (error) {
      return failed(steps, error);
    }
    pool.push(steps);
  }
  coverage.take();

  while (performance.now() < end) {
    const batch = [];
    for (let i = 0; i < BATCH; i++) {
      const parent = random.chance(40) ? pool[Math.max(0, pool.length - 1 - random.skewed(20))] : random.one(pool);
      const steps = mutate(random, parent, random.one(pool), target.grammar);
      try {
        if (newPairs(attempt(steps)) > 0) keep(steps, 0);
        else batch.push(steps);
      } catch (error) {
        return failed(steps, error);
      }
    }
    if (coverage.peek() === 0) continue;
    // Something in this batch has been where nobody was: find out what.
    for (const steps of batch) {
      attempt(steps);
      const blocks = coverage.take();
      if (blocks > 0) keep(steps, blocks);
    }
  }
  return { runs, pool: pool.length, coverage, pairs: pairs.size, failure: null };
}

/** The fewest cases that reach everything the given ones reach, the small ones first. */
export function distil(target, texts) {
  const coverage = new Coverage();
  const events = new Set();
  const kept = [];
  const bySize = texts
    .map(text => ({ text, steps: parseCase(text) }))
    .sort((a, b) => sizeOf(a.steps) - sizeOf(b.steps));
  coverage.skip();
  for (const { text, steps } of bySize) {
    const seen = target.run(steps);
    const before = events.size;
    for (const event of seen) events.add(event);
    if (coverage.take() > 0 || events.size > before) kept.push(text);
  }
  return kept;
}
