import fc from 'fast-check';
import { expect, test } from 'vitest';
import { age, bytes, compact, count, lasting, plural, span } from '../src/text/format.ts';

test('counts have thousands marks and octets decimal units', () => {
  expect([0, 999, 1000, 1_234_567, -65_535].map(count)).toEqual(['0', '999', '1,000', '1,234,567', '-65,535']);
  expect([0, 999, 1000, 3100, 4_194_304, 2.5e9].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1 KB',
    '3.1 KB',
    '4.2 MB',
    '2.5 GB',
  ]);
  expect([950, 48_230, 1_204_118].map(compact)).toEqual(['950', '48.2k', '1.2M']);
  expect([plural(1, 'frame'), plural(0, 'frame'), plural(1200, 'frame')]).toEqual([
    '1 frame',
    '0 frames',
    '1,200 frames',
  ]);
});

test('spans say what matters at their size', () => {
  expect([0, 0.04, 1.3, 240, 1240, 45_000, 185_000, 7_440_000].map(span)).toEqual([
    '0 ms',
    '<0.1 ms',
    '1.3 ms',
    '240 ms',
    '1.24 s',
    '45.0 s',
    '3 min 5 s',
    '2 h 4 min',
  ]);
  expect([240, 1300, 41_900, 200_000].map(lasting)).toEqual(['240 ms', '1.3 s', '41 s', '3 min']);
});

test('nothing rounds up into a unit it does not have', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), value => {
      expect(bytes(value)).not.toMatch(/^1000(\.0)? (B|KB|MB)/);
      expect(span(value)).not.toMatch(/^(1000(\.0)? ms|60(\.0+)? s)$/);
      expect(span(value)).not.toMatch(/ 60 (s|min)$/);
      expect(age(value)).not.toMatch(/^60 /);
    }),
  );
});
