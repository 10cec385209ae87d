/** Picking frames to copy them, and what is copied. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { FrameRow, Snapshot } from '../src/feed/model.ts';
import { NOTHING } from '../src/feed/model.ts';
import { Feed } from '../src/worker/feed.ts';
import { dataFrames, framesMessage, hello } from './kit.ts';

const feed = vi.hoisted(() => ({ snapshot: {} as Partial<Snapshot> }));
vi.mock('../src/feed/client.ts', () => ({ current: () => feed.snapshot, frameText: vi.fn(), onSnapshot: vi.fn() }));

const { extendPick, isPicked, pick } = await import('../src/app/frame-picks.ts');
const { FIRST, useUi } = await import('../src/app/ui-store.ts');
const { readHidden } = await import('../src/app/columns.ts');
const { readSaved } = await import('../src/app/saved-filters.ts');

/* Entries of one row each, but the fourth, which folds rows 3 to 6. */
const ROWS = [
  [0, 0],
  [1, 1],
  [2, 2],
  [3, 6],
  [7, 7],
].map(([firstRow, row], ordinal) => ({ firstRow, row, ordinal }) as FrameRow);

function picked(): number[] {
  return ROWS.flatMap((row, at) => (isPicked(useUi.getState().picked, row) ? [at] : []));
}

/* The worker says which entry is selected. */
function answer(): void {
  const selectedIndex = ROWS.findIndex(row => row.row === useUi.getState().frame);
  const selected = useUi.getState().frame ?? -1;
  const tab = { key: '', base: 0, total: 5, rows: ROWS, selected, selectedIndex };
  feed.snapshot = { frames: { tab, drawer: null } };
}

describe('picking frames', () => {
  beforeEach(() => {
    useUi.setState(FIRST, true);
    answer();
  });
  const press = (at: number, how: { more?: boolean; range?: boolean } = {}): void => {
    pick(ROWS[at]!, { more: how.more ?? false, range: how.range ?? false });
    answer();
  };

  test('a press selects one and picks none; with Ctrl both are picked, and one again is not', () => {
    press(1);
    expect(picked()).toEqual([]);
    press(3, { more: true });
    expect(picked()).toEqual([1, 3]);
    press(1, { more: true });
    expect(picked()).toEqual([3]);
    press(4);
    expect(picked()).toEqual([]);
    expect(useUi.getState().frame).toBe(7);
  });

  test('with Shift all from the last press, in either direction, and one less of them', () => {
    press(3);
    press(1, { range: true });
    expect(picked()).toEqual([1, 2, 3]);
    press(4, { range: true });
    expect(picked()).toEqual([3, 4]);
    press(1, { range: true });
    press(2, { more: true });
    expect(picked()).toEqual([1, 3]);
  });

  test('Shift with the arrows picks from the frame that is selected, and back', () => {
    useUi.setState({ frame: 1 });
    answer();
    for (const step of [1, 1] as const) {
      extendPick(step);
      answer();
    }
    expect(picked()).toEqual([1, 2, 3]);
    extendPick(-1);
    answer();
    expect(picked()).toEqual([1, 2]);
    expect(useUi.getState().frame).toBe(2);
  });

  test('a range begins at the frame that keys selected since', () => {
    press(0);
    useUi.setState({ frame: 2 });
    answer();
    press(3, { range: true });
    expect(picked()).toEqual([2, 3]);
  });
});

describe('the text of picked frames', () => {
  test('has those of the grid only, all of a folded run, in order', () => {
    const watched = new Feed(() => 0, 64);
    watched.greet(hello());
    watched.frames(
      framesMessage(0, [...dataFrames(3, { stream: 1, length: 7 }), { type: 6, stream: 0 }, { stream: 3 }]),
    );
    const tab = { filter: 'type=DATA', connection: 1, stream: null, fold: true, follow: true, first: 0, length: 9 };
    watched.look({ ...NOTHING, connection: 1, frames: { tab, drawer: null } });
    watched.grids();
    const all = watched.text([[0, Number.MAX_SAFE_INTEGER]]);
    expect(all).toMatchObject({ frames: 4, more: false });
    expect(all.text.match(/DATA frame/g)).toHaveLength(4);
    expect(all.text).not.toContain('PING');
    const some = watched.text([
      [4, 4],
      [0, 1],
    ]);
    expect([...some.text.matchAll(/stream_id=(\d)/g)].map(match => match[1])).toEqual(['1', '1', '3']);
  });
});

describe('what the browser kept', () => {
  test('columns and filters of another release, or of nobody we know, do no harm', () => {
    for (const value of [null, 7, 'x', []]) expect(readSaved(value)).toEqual(Array.isArray(value) ? [] : null);
    expect(readSaved([{ name: 'a', filter: 'type=PING', more: 1 }, { name: 1 }, null])).toEqual([
      { name: 'a', filter: 'type=PING' },
    ]);
    expect(readSaved([{ name: 'n'.repeat(999), filter: 'f'.repeat(99_999) }])![0]!.name).toHaveLength(60);
    expect(readHidden({ streams: ['in', 'id', 'nonsense'], frames: 5 })).toEqual({ streams: ['in'], frames: [] });
    expect(readHidden('x')).toBeNull();
  });
});
