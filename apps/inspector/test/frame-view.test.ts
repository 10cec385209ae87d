import { parseFilter, readFramesHeader } from '@glassway/inspector-protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameLog } from '../src/worker/frame-log.ts';
import { compile } from '../src/worker/frame-match.ts';
import { FrameView } from '../src/worker/frame-view.ts';
import { dataFrames, type FrameSpec, framesMessage, NOTHING_KNOWN } from './kit.ts';

function append(log: FrameLog, frames: readonly FrameSpec[], position = log.end): void {
  const message = framesMessage(position, frames);
  log.append(message, readFramesHeader(message), position);
}

const everything = compile(parseFilter(''), NOTHING_KNOWN);

describe('the log', () => {
  test('keeps the newest rows, and a row keeps its number', () => {
    const log = new FrameLog(16);
    append(
      log,
      Array.from({ length: 40 }, (_, at) => ({ stream: at })),
    );
    expect(log).toMatchObject({ first: 24, end: 40, size: 16 });
    expect(log.has(23)).toBe(false);
    for (let row = 24; row < 40; row++) expect(log.columns.stream[log.slot(row)]).toBe(row);
  });

  test('a batch larger than the log leaves its end', () => {
    const log = new FrameLog(8);
    append(
      log,
      Array.from({ length: 5 }, (_, at) => ({ stream: at })),
    );
    append(
      log,
      Array.from({ length: 100 }, (_, at) => ({ stream: 1000 + at })),
    );
    expect(log.end).toBe(105);
    expect(log.columns.stream[log.slot(104)]).toBe(1099);
    expect(log.columns.stream[log.slot(97)]).toBe(1092);
  });

  test('records known already are skipped', () => {
    const log = new FrameLog(16);
    append(log, [{ stream: 1 }, { stream: 3 }], 100);
    const again = framesMessage(100, [{ stream: 1 }, { stream: 3 }, { stream: 5 }]);
    expect(log.append(again, readFramesHeader(again), 102)).toBe(1);
    expect(log.end).toBe(3);
    expect(log.columns.stream[log.slot(2)]).toBe(5);
    expect(log.columns.seq[log.slot(2)]).toBe(102);
  });

  test('clearing forgets rows but not their numbering', () => {
    const log = new FrameLog(16);
    append(log, dataFrames(5));
    log.clear();
    expect(log).toMatchObject({ first: 5, end: 5, size: 0 });
    append(log, dataFrames(2));
    expect(log).toMatchObject({ first: 5, end: 7, size: 2 });
  });
});

describe('a view', () => {
  test('consecutive DATA of one stream and direction folds into one entry', () => {
    const log = new FrameLog(64);
    append(log, [
      { stream: 5, type: 1 },
      ...dataFrames(3, { stream: 5, length: 1000 }),
      { stream: 7, length: 10 },
      ...dataFrames(2, { stream: 5 }),
      { stream: 5, dir: 0 },
      { stream: 5, type: 8 },
    ]);
    const view = new FrameView(log, everything, true);
    expect(view.size).toBe(6);
    expect(view.at(1)).toMatchObject({ firstRow: 1, lastRow: 3, count: 3, octets: 3000 });
    append(log, [{ stream: 5, type: 8 }, ...dataFrames(2, { stream: 9 })]);
    view.update();
    expect(view.at(7)).toMatchObject({ count: 2 });
    expect(new FrameView(log, everything, false).size).toBe(12);
  });

  test('rows that do not pass do not interrupt a fold: what is shown is what is folded', () => {
    const log = new FrameLog(64);
    append(log, [{ stream: 5 }, { stream: 0, type: 6 }, { stream: 5 }]);
    expect(new FrameView(log, compile(parseFilter('type=DATA'), NOTHING_KNOWN), true).size).toBe(1);
  });

  test('overwritten entries fall off the front and the others keep their ordinals', () => {
    const log = new FrameLog(16);
    append(
      log,
      Array.from({ length: 10 }, (_, at) => ({ stream: at, type: 1 })),
    );
    const view = new FrameView(log, everything, false);
    append(
      log,
      Array.from({ length: 10 }, (_, at) => ({ stream: 10 + at, type: 1 })),
    );
    view.update();
    expect(view).toMatchObject({ base: 4, size: 16 });
    expect(view.at(0)).toMatchObject({ ordinal: 4, firstRow: 4 });
    expect(view.indexOf(12)).toBe(8);
    expect(() => view.at(16)).toThrow(RangeError);
  });

  test('a fold whose first rows were overwritten begins at the oldest that is kept', () => {
    const log = new FrameLog(16);
    append(log, dataFrames(12, { stream: 5 }));
    const view = new FrameView(log, everything, true);
    append(log, dataFrames(10, { stream: 5 }));
    view.update();
    expect(view.size).toBe(1);
    expect(view.at(0)).toMatchObject({ firstRow: 6, lastRow: 21, count: 22 });
  });

  test('a paused view stops at its limit and goes on from there', () => {
    const log = new FrameLog(64);
    append(log, dataFrames(4, { type: 1 }));
    const view = new FrameView(log, everything, false, 2);
    expect(view.size).toBe(2);
    view.update(2);
    append(log, dataFrames(3, { type: 1 }));
    view.update(2);
    expect(view.size).toBe(2);
    view.update();
    expect(view.size).toBe(7);
  });

  test('kept up to date in steps is the same as made at once', () => {
    const frame = fc.record({
      stream: fc.integer({ min: 1, max: 3 }),
      type: fc.constantFrom(0, 0, 0, 1, 8),
      dir: fc.constantFrom(0 as const, 1 as const),
    });
    fc.assert(
      fc.property(fc.array(fc.array(frame, { maxLength: 9 }), { maxLength: 30 }), fc.boolean(), (batches, fold) => {
        const log = new FrameLog(64);
        const match = compile(parseFilter('type=DATA,HEADERS'), NOTHING_KNOWN);
        const view = new FrameView(log, match, fold);
        const rows: number[] = [];
        for (const batch of batches) {
          append(log, batch);
          view.update();
        }
        for (let at = 0; at < view.size; at++) {
          const entry = view.at(at);
          for (let row = entry.firstRow; row <= entry.lastRow; row++) if (match(log, log.slot(row))) rows.push(row);
        }
        const wanted: number[] = [];
        for (let row = log.first; row < log.end; row++) if (match(log, log.slot(row))) wanted.push(row);
        expect(rows).toEqual(wanted);
      }),
    );
  });
});
