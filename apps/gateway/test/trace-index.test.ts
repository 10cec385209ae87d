import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamIndex } from '../src/trace/stream-index.ts';

describe('the index of streams', () => {
  it('holds what a Map holds, after any additions and deletions', () => {
    const id = fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0x7fff_fff0, max: 0x7fff_ffff }),
      fc.constantFrom(16, 32, 48, 64, 128, 256),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), id), { maxLength: 200 }), steps => {
        const index = new StreamIndex();
        const plain = new Map<number, number>();
        steps.forEach(([add, key], row) => {
          if (add && !plain.has(key)) {
            index.add(key, row);
            plain.set(key, row);
          } else if (!add) {
            index.delete(key);
            plain.delete(key);
          }
          expect(index.size).toBe(plain.size);
          for (const [known, place] of plain) expect(index.get(known)).toBe(place);
          if (!plain.has(key)) expect(index.get(key)).toBe(-1);
        });
        expect(index.entries().sort()).toEqual([...plain].sort());
      }),
      { numRuns: 200, verbose: 1 },
    );
  });
});
