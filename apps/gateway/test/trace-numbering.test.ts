import { CONNECTION_MASK } from '@glassway/inspector-protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionNumbers, SectionNumbers } from '../src/trace/numbering.ts';

describe('numbers of connections', () => {
  it('of a gateway of one process are 1, 2, 3', () => {
    const numbers = new ConnectionNumbers();
    expect([numbers.next(), numbers.next(), numbers.next()]).toEqual([1, 2, 3]);
  });

  it('of workers take turns', () => {
    const [one, two] = [1, 2].map(
      worker => new ConnectionNumbers({ worker, workers: 2, after: 0, incarnation: 0 }),
    ) as [ConnectionNumbers, ConnectionNumbers];
    expect([one.next(), one.next(), two.next(), two.next(), one.next()]).toEqual([1, 3, 2, 4, 5]);
  });

  it('are never given twice, whenever workers die and are replaced', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 9000 })), { maxLength: 12 }),
        (workers, lives) => {
          const reserved = new Array<number>(workers + 1).fill(0);
          const incarnations = new Array<number>(workers + 1).fill(0);
          const given = new Set<number>();
          for (const [place, connections] of lives) {
            const worker = (place % workers) + 1;
            const numbering = { worker, workers, after: reserved[worker]!, incarnation: incarnations[worker]!++ };
            const numbers = new ConnectionNumbers(numbering, upTo => {
              reserved[worker] = upTo;
            });
            for (let i = 0; i < connections; i++) {
              const number = numbers.next();
              if (given.has(number)) throw new Error(`${number} was given before`);
              if ((number - worker) % workers !== 0) throw new Error(`${number} is not one of worker ${worker}`);
              if (number > reserved[worker]!) throw new Error(`${number} was not reserved`);
              given.add(number);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are reserved long before they are given', () => {
    let reserved = 0;
    let least = Number.POSITIVE_INFINITY;
    const numbers = new ConnectionNumbers({ worker: 1, workers: 3, after: 0, incarnation: 0 }, upTo => {
      reserved = upTo;
    });
    for (let i = 0; i < 20_000; i++) {
      const before = reserved;
      least = Math.min(least, before - numbers.next());
    }
    expect(least).toBeGreaterThan(1000 * 3);
  });

  it('begin again at the end', () => {
    const numbers = new ConnectionNumbers({ worker: 2, workers: 3, after: CONNECTION_MASK - 5, incarnation: 1 });
    const given = Array.from({ length: 4 }, () => numbers.next());
    for (const number of given) expect(number).toBeLessThanOrEqual(CONNECTION_MASK);
    expect(given.at(-1)! % 3).toBe(2);
    expect(given).toContain(2);
  });
});

describe('numbers of field sections', () => {
  it('begin at 1, never are 0, and begin again at the end', () => {
    const numbers = new SectionNumbers();
    expect([numbers.next(), numbers.next()]).toEqual([1, 2]);
  });

  it('of workers and their successors are far apart', () => {
    const starts = [0, 1, 2, 3].flatMap(incarnation =>
      [1, 2, 3].map(worker => {
        const numbers = new SectionNumbers({ worker, workers: 3, after: 0, incarnation });
        const first = numbers.next();
        expect(first).toBeGreaterThan(0);
        expect(numbers.next() - first).toBe(3);
        return { worker, first };
      }),
    );
    for (const worker of [1, 2, 3]) {
      const own = starts.filter(start => start.worker === worker).map(({ first }) => first);
      expect(own.every(first => first % 3 === worker % 3)).toBe(true);
      own.sort((a, b) => a - b);
      for (let i = 1; i < own.length; i++) expect(own[i]! - own[i - 1]!).toBeGreaterThan(100_000_000);
    }
  });

  it('stay u32', () => {
    const numbers = new SectionNumbers({ worker: 1, workers: 1, after: 0, incarnation: 0xffff_ffff });
    for (let i = 0; i < 10; i++) {
      const number = numbers.next();
      expect(number).toBeGreaterThan(0);
      expect(number).toBeLessThanOrEqual(0xffff_ffff);
    }
  });
});
