import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Reason } from '../src/exchange/reason.ts';
import { type Waiter, WaitingLine } from '../src/upstream/waiting.ts';

const WHY: Reason = { code: 'x', text: '', status: 503, h2Code: 0, retryable: true, rule: '', rfc: '' };

class Somebody implements Waiter {
  waitingSince = 0;
  place = -1;
  rejected = 0;
  reject(): void {
    this.rejected++;
  }
}

it('behaves as an ordered set under any history, and expires the oldest first', () => {
  const step = fc.oneof(
    fc.constant({ kind: 'add' } as const),
    fc.constant({ kind: 'take' } as const),
    fc.record({ kind: fc.constant('delete' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('many' as const), count: fc.integer({ min: 500, max: 1500 }) }),
    fc.record({ kind: fc.constant('expire' as const), which: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const line = new WaitingLine<Somebody>();
      let model: Somebody[] = [];
      const join = (): void => {
        const somebody = new Somebody();
        line.add(somebody);
        model.push(somebody);
      };
      for (const action of steps) {
        if (action.kind === 'add') join();
        else if (action.kind === 'many') {
          for (let i = 0; i < action.count; i++) join();
          for (let i = 0; i < action.count - 1; i++) expect(line.take()).toBe(model.shift() ?? null);
        } else if (action.kind === 'take') expect(line.take()).toBe(model.shift() ?? null);
        else if (model.length > 0) {
          const chosen = model[action.which % model.length]!;
          if (action.kind === 'delete') {
            line.delete(chosen);
            line.delete(chosen);
            model = model.filter(other => other !== chosen);
          } else {
            const late = model.filter(other => other.waitingSince <= chosen.waitingSince);
            line.expire(chosen.waitingSince, () => WHY);
            expect(late.every(other => other.rejected === 1)).toBe(true);
            model = model.filter(other => !late.includes(other));
          }
        }
        expect(line.size).toBe(model.length);
      }
      line.rejectAll(WHY);
      expect(model.every(somebody => somebody.rejected === 1)).toBe(true);
      expect(line.size).toBe(0);
    }),
    { numRuns: 100, verbose: 1 },
  );
});
