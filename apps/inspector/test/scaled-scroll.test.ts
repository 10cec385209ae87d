import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clampOffset,
  fromScrollTop,
  MAX_SPACER,
  maxOffset,
  reveal,
  rowWindow,
  spacerHeight,
  toScrollTop,
} from '../src/ui/scaled-scroll.ts';

const ROW = 24;
const VIEW = 600;

describe('scaled scrolling', () => {
  test('content that fits the browser is not scaled: a pixel is a pixel', () => {
    expect(spacerHeight(1000, ROW)).toBe(24_000);
    expect(toScrollTop(1234, 1000, ROW, VIEW)).toBe(1234);
    expect(fromScrollTop(1234, 1000, ROW, VIEW)).toBe(1234);
  });

  test('a million rows have a spacer no browser refuses, and both ends are reachable', () => {
    const rows = 1_000_000;
    expect(spacerHeight(rows, ROW)).toBe(MAX_SPACER);
    const bottom = MAX_SPACER - VIEW;
    expect(fromScrollTop(bottom, rows, ROW, VIEW)).toBe(maxOffset(rows, ROW, VIEW));
    const last = rowWindow(maxOffset(rows, ROW, VIEW), rows, ROW, VIEW);
    expect(last.first + last.length).toBe(rows);
    expect(rowWindow(0, rows, ROW, VIEW)).toMatchObject({ first: 0, shift: 0 });
    expect(Object.is(rowWindow(0, rows, ROW, VIEW).shift, -0)).toBe(false);
  });

  test('to scrollTop and back is the same offset, at any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (rows, part) => {
        const offset = part * maxOffset(rows, ROW, VIEW);
        const back = fromScrollTop(toScrollTop(offset, rows, ROW, VIEW), rows, ROW, VIEW);
        expect(Math.abs(back - offset)).toBeLessThan(0.01);
      }),
    );
  });

  test('every pixel of the viewport is covered by a row, and never by one that is not there', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000_000 }),
        fc.double({ min: -1e6, max: 6e7, noNaN: true }),
        (rows, offset) => {
          const window = rowWindow(offset, rows, ROW, VIEW);
          expect(window.first).toBeGreaterThanOrEqual(0);
          expect(window.first + window.length).toBeLessThanOrEqual(rows);
          expect(window.shift).toBeLessThanOrEqual(0);
          expect(window.shift).toBeGreaterThan(-ROW);
          const covered = window.shift + window.length * ROW;
          expect(covered).toBeGreaterThanOrEqual(Math.min(VIEW, rows * ROW) - 0.001);
          expect(window.length).toBeLessThanOrEqual(VIEW / ROW + 1);
        },
      ),
    );
  });

  test('a row that is in view stays where it is, another moves the view as little as possible', () => {
    expect(reveal(10, 120, 1000, ROW, VIEW)).toBe(120);
    expect(reveal(2, 120, 1000, ROW, VIEW)).toBe(48);
    expect(reveal(100, 120, 1000, ROW, VIEW)).toBe(101 * ROW - VIEW);
  });

  test('no rows: nothing is drawn and nothing is divided by zero', () => {
    expect(rowWindow(500, 0, ROW, VIEW)).toEqual({ first: 0, length: 0, shift: 0 });
    expect(toScrollTop(0, 0, ROW, VIEW)).toBe(0);
    expect(clampOffset(-5, 0, ROW, VIEW)).toBe(0);
  });
});
