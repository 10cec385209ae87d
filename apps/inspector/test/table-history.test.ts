/** RFC 7541 2.3.2, 4: both tables as they stood after every block, checked against a table kept the plain way. */
import { type FieldSection, Representation } from '@glassway/inspector-protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Sections } from '../src/worker/sections.ts';
import { TableHistory } from '../src/worker/table-history.ts';
import { TableSizes } from '../src/worker/table-sizes.ts';

function block(
  section: number,
  direction: 0 | 1,
  names: readonly string[],
  more: Partial<FieldSection> = {},
): FieldSection {
  return {
    section,
    t: section * 10,
    connection: 1,
    stream: section,
    direction,
    kind: direction,
    wireBytes: 10,
    fieldsOmitted: 0,
    fields: names.map(name => ({
      name: name.replace('!', ''),
      value: 'v',
      representation: name.endsWith('!') ? Representation.LITERAL_NEVER_INDEXED : Representation.LITERAL_INDEXED,
      index: 0,
      wireBytes: 5,
      valueBytes: 1,
      redacted: null,
    })),
    ...more,
  };
}

const size = (number: number, t: number, maxSize: number, direction: 0 | 1 = 0) => ({ number, t, direction, maxSize });
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

describe('the past of the tables', () => {
  test('after every block: what came in, what left, and each side by itself', () => {
    // Entries of one letter take 34 octets: two fit.
    const history = new TableHistory(
      [block(1, 0, ['a', 'x!']), block(2, 1, ['s']), block(3, 0, ['b', 'c'])],
      [size(0, 5, 70)],
      true,
      [4096, 4096],
    );
    expect([...history.ids]).toEqual([-1, 1, 2, 3]);
    expect(history.step(-1)).toMatchObject({
      index: 0,
      section: null,
      maxSize: 70,
      received: { maxSize: 70, entries: [] },
    });
    expect(names(history.step(1)!.received.entries)).toEqual(['a']);
    expect(history.step(2)).toMatchObject({
      direction: 1,
      received: { fresh: 0, evicted: [] },
      sent: { fresh: 1, maxSize: 4096 },
    });
    const last = history.step(3)!;
    expect(names(last.received.entries)).toEqual(['c', 'b']);
    expect(last.received).toMatchObject({ fresh: 2, size: 68, unknown: false });
    expect(names(last.received.evicted)).toEqual(['a']);
    expect(history.step(99)).toBe(null);
    expect(history.forgotten).toBe(false);
  });

  test('of a time, the last step until then; before the first there are the tables as they began', () => {
    const sections = [block(1, 0, ['a']), block(2, 0, ['b']), block(3, 1, ['s'], { t: 20 })];
    const history = new TableHistory(sections, [], true, [4096, 4096]);
    expect([...history.times]).toEqual([10, 20, 20]);
    expect(history.at(9)).toBe(null);
    expect(history.at(19)).toMatchObject({ id: 1 });
    expect(history.at(20)).toMatchObject({ id: 3 });
    expect(history.start).toMatchObject({ received: { entries: [], unknown: false }, sent: { entries: [] } });
    expect(new TableHistory(sections, [], false, [4096, 4096]).start.received.unknown).toBe(true);
  });

  test('an entry larger than the table empties it, RFC 7541 4.4', () => {
    const history = new TableHistory(
      [block(1, 0, ['a']), block(2, 0, ['x'.repeat(60)])],
      [size(0, 5, 70)],
      true,
      [70, 70],
    );
    const { received } = history.step(2)!;
    expect(received).toMatchObject({ entries: [], size: 0, fresh: 0 });
    expect(received.evicted).toHaveLength(2);
  });

  test('of a connection whose beginning was not seen, the newest entries are known and the rest is said to be missing', () => {
    const history = new TableHistory([block(5, 0, ['a'])], [], false, [70, 70]);
    expect(history.forgotten).toBe(true);
    expect(history.step(5)!.received).toMatchObject({ unknown: true, maxSize: 70 });
    // As soon as a known entry leaves, everything older has left.
    const later = new TableHistory([block(5, 0, ['a']), block(6, 0, ['b', 'c'])], [], false, [70, 70]);
    expect(later.step(6)!.received).toMatchObject({ unknown: false });
    expect(names(later.step(6)!.received.entries)).toEqual(['c', 'b']);
  });

  test('where field lines are missing, older entries are not named any more', () => {
    const history = new TableHistory(
      [block(1, 0, ['a']), block(2, 0, ['b'], { fieldsOmitted: 3 })],
      [],
      true,
      [4096, 4096],
    );
    expect(names(history.step(2)!.received.entries)).toEqual(['b']);
    expect(history.step(2)!.received.unknown).toBe(true);
  });

  test('agrees with a table kept the plain way, whatever happens', () => {
    const happening = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(
          fc.constantFrom(0 as const, 1 as const),
          fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 5 }),
        ),
      },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom(0 as const, 1 as const), fc.nat({ max: 300 })) },
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), happenings => {
        const sections: FieldSection[] = [];
        const sizes: ReturnType<typeof size>[] = [];
        const plain = [[], []] as [string[], string[]];
        const max = [4096, 4096];
        const expected: (readonly [number, string[], string[]])[] = [];
        const evict = (direction: 0 | 1): void => {
          const total = () => plain[direction].reduce((sum, name) => sum + name.length + 33, 0);
          while (total() > max[direction]!) plain[direction].pop();
        };
        happenings.forEach(([direction, what], at) => {
          let id = at + 1;
          if (typeof what === 'number') {
            id = -1 - sizes.length;
            sizes.push(size(sizes.length, (at + 1) * 10, what, direction));
            max[direction] = what;
            evict(direction);
          } else {
            const lines = what.map(name => name.replaceAll('!', '?'));
            sections.push(block(at + 1, direction, lines));
            for (const name of lines) {
              plain[direction].unshift(name);
              evict(direction);
            }
          }
          expected.push([id, [...plain[0]], [...plain[1]]]);
        });
        const seen = (direction: 0 | 1): boolean => sizes.some(each => each.direction === direction);
        const history = new TableHistory(sections, sizes, true, [seen(0) ? max[0]! : 4096, seen(1) ? max[1]! : 4096]);
        for (const [id, received, sent] of expected) {
          const step = history.step(id)!;
          expect(names(step.received.entries)).toEqual(received);
          expect(names(step.sent.entries)).toEqual(sent);
        }
      }),
    );
  });

  test('is bounded, and says that the beginning is forgotten', () => {
    const sections = Array.from({ length: 6000 }, (_, at) => block(at + 1, 0, ['a']));
    const history = new TableHistory(sections, [], true, [70, 70]);
    expect(history.ids).toHaveLength(4096);
    expect(history.forgotten).toBe(true);
    expect(history.step(1)).toBe(null);
    expect(names(history.step(6000)!.received.entries)).toEqual(['a', 'a']);
  });
});

test('sections say since when none is missing', () => {
  const sections = new Sections();
  sections.add([block(1, 0, [])]);
  expect(sections.knownSince).toBe(Number.NEGATIVE_INFINITY);
  sections.missed();
  sections.add([block(7, 0, []), block(8, 0, [])]);
  expect(sections.knownSince).toBe(70);
  sections.clear();
  expect(sections.knownSince).toBe(Number.NEGATIVE_INFINITY);
});

test('changes of size are bounded, and keep their numbers', () => {
  const sizes = new TableSizes();
  sizes.add(
    Array.from({ length: 700 }, (_, at) => ({
      kind: 'table-resized' as const,
      t: at,
      seq: 0,
      connection: 3,
      direction: 0 as const,
      maxSize: at,
    })),
  );
  expect(sizes.of(3)).toHaveLength(500);
  expect(sizes.of(3).at(-1)).toMatchObject({ number: 699, maxSize: 699 });
  expect(sizes.of(4)).toEqual([]);
});
