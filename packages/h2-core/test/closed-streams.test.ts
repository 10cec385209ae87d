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
