import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamRecord } from '../src/stream/stream.ts';
import { StreamTable } from '../src/stream/table.ts';

test('the stream table holds what a Map would, for any order of opening and closing', () => {
  const step = fc.record({ open: fc.boolean(), gap: fc.integer({ min: 1, max: 5000 }), pick: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), steps => {
      const table = new StreamTable();
      const model = new Map<number, StreamRecord>();
      let id = 0;
      for (const { open, gap, pick } of steps) {
        if (open || model.size === 0) {
          id += gap;
          const stream = new StreamRecord(id, false, 0, 0);
          table.add(stream);
          model.set(id, stream);
        } else {
          const victim = [...model.keys()][pick % model.size] as number;
          table.delete(victim);
          model.delete(victim);
          table.delete(victim);
        }
        expect(table.get(id + 1)).toBe(undefined);
      }
      expect(table.size).toBe(model.size);
      expect(table.values()).toEqual([...model.values()]);
      for (const [key, stream] of model) expect(table.get(key)).toBe(stream);
    }),
    { verbose: 1 },
  );
});
