import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClosedStreams } from '../src/stream/closed-streams.ts';
import { Gone } from '../src/stream/gone.ts';

test('remembers the last ones, the newest word on each, and none that is too old', () => {
  // STA-12, LIM-33
  const step = fc.record({
    id: fc.nat(40),
    how: fc.constantFrom(Gone.ENDED, Gone.RESET_BY_US, Gone.RESET_BY_PEER),
    after: fc.nat(30),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 3, 16, 17, 100),
      fc.constantFrom(0, 100),
      fc.array(step, { maxLength: 300 }),
      (limit, durationMs, steps) => {
        const memory = new ClosedStreams(limit, durationMs);
        const model: { id: number; how: number; at: number }[] = [];
        let now = 0;
        for (const { id, how, after } of steps) {
          now += after;
          memory.remember(id, how, now);
          model.push({ id, how, at: now });
        }
        const kept =
          limit === 0 ? [] : model.slice(-limit).filter(({ at }) => durationMs === 0 || now - at < durationMs);
        for (let id = 0; id <= 40; id++) {
          expect(memory.find(id, now)).toBe(kept.findLast(entry => entry.id === id)?.how ?? 0);
        }
      },
    ),
  );
});

test('a large memory finds the newest end of a number as fast as any, and forgets in order', () => {
  const memory = new ClosedStreams(1000, 0);
  for (let id = 1; id <= 3000; id++) memory.remember(id, Gone.RESET_BY_US, 0);
  expect([1, 2000, 2001, 3000, 3001].map(id => memory.find(id, 0))).toEqual(
    [0, 0, 3, 3, 0].map(found => (found === 3 ? Gone.RESET_BY_US : 0)),
  );
  memory.remember(2500, Gone.ENDED, 0);
  expect(memory.find(2500, 0)).toBe(Gone.ENDED);
  // The older note of the same number goes first, and must not take the newer one with it.
  for (let id = 4000; id < 4600; id++) memory.remember(id, Gone.RESET_BY_US, 0);
  expect(memory.find(2500, 0)).toBe(Gone.ENDED);
  for (let id = 4600; id < 5000; id++) memory.remember(id, Gone.RESET_BY_US, 0);
  expect(memory.find(2500, 0)).toBe(0);
});
