/** `j` and `k` on the tab Streams, before and after the worker has delivered the table's rows. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { ConnectionRow, FrameRow, FramesPart, Snapshot, StreamRow, StreamsPart } from '../src/feed/model.ts';

const feed = vi.hoisted(() => {
  const listeners = new Set<() => void>();
  return { snapshot: {} as Partial<Snapshot>, listeners };
});
vi.mock('../src/feed/client.ts', () => ({
  current: () => feed.snapshot,
  onSnapshot: (listener: () => void) => {
    feed.listeners.add(listener);
    return () => feed.listeners.delete(listener);
  },
}));

const { moveRow, startMoves } = await import('../src/app/move.ts');
const { FIRST, useUi } = await import('../src/app/ui-store.ts');

function rowsOf(connection: number, ...streams: number[]): StreamsPart {
  const rows = streams.map(stream => ({ connection, stream }) as StreamRow);
  const counts = { all: rows.length, open: 0, stuck: 0 };
  return { connection, total: rows.length, counts, first: 0, rows, selected: -1, selectedIndex: -1 };
}

function framesOf(...ranges: (readonly [firstRow: number, row: number])[]): FramesPart {
  const rows = ranges.map(([firstRow, row], ordinal) => ({ firstRow, row, ordinal }) as FrameRow);
  return { key: '', base: 0, total: rows.length, rows, selected: -1, selectedIndex: -1 };
}

function deliver(streams: StreamsPart | null, tab: FramesPart | null = null): void {
  const connections = [{ id: 1 }, { id: 2 }] as ConnectionRow[];
  feed.snapshot = { connections, streams, frames: { tab, drawer: null } };
  for (const listener of feed.listeners) listener();
}

describe('j and k on Streams', () => {
  beforeEach(() => {
    feed.listeners.clear();
    useUi.setState({ ...FIRST, connection: 1, tab: 'streams' }, true);
    deliver(null);
    return startMoves();
  });

  test('a press before the rows came is applied to them, and never moves to another connection', () => {
    expect(moveRow(1)).toBe(true);
    expect(useUi.getState()).toMatchObject({ connection: 1, stream: null });
    deliver(rowsOf(1, 5, 3, 1));
    expect(useUi.getState()).toMatchObject({ connection: 1, stream: { connection: 1, stream: 5 } });
  });

  test('rows of the connection selected before are not those it is for', () => {
    deliver(rowsOf(2, 9, 7));
    moveRow(1);
    expect(useUi.getState().stream).toBeNull();
    deliver(rowsOf(2, 9, 7));
    expect(useUi.getState().stream).toBeNull();
    deliver(rowsOf(1, 5, 3));
    expect(useUi.getState().stream?.stream).toBe(5);
  });

  test('several presses are several steps', () => {
    moveRow(1);
    moveRow(1);
    moveRow(1);
    moveRow(-1);
    deliver(rowsOf(1, 5, 3, 1));
    expect(useUi.getState().stream?.stream).toBe(3);
  });

  test('a press is forgotten with another tab or connection', () => {
    moveRow(1);
    useUi.setState({ tab: 'frames' });
    useUi.setState({ tab: 'streams' });
    deliver(rowsOf(1, 5));
    expect(useUi.getState().stream).toBeNull();
    deliver(null);
    moveRow(1);
    useUi.setState({ connection: 2 });
    useUi.setState({ connection: 1 });
    deliver(rowsOf(1, 5));
    expect(useUi.getState().stream).toBeNull();
  });

  test('an empty table leaves the connection where it is', () => {
    deliver(rowsOf(1));
    moveRow(1);
    moveRow(-1);
    expect(useUi.getState()).toMatchObject({ connection: 1, stream: null });
  });

  test('two presses between two snapshots are two rows', () => {
    deliver(rowsOf(1, 5, 3, 1));
    moveRow(1);
    moveRow(1);
    expect(useUi.getState().stream?.stream).toBe(3);
  });
});

describe('j and k, and the arrows, on Frames', () => {
  beforeEach(() => {
    feed.listeners.clear();
    useUi.setState({ ...FIRST, connection: 1, tab: 'frames' }, true);
    deliver(null);
    return startMoves();
  });

  test('presses before the rows came are applied to them', () => {
    expect(moveRow(-1)).toBe(true);
    moveRow(-1);
    deliver(null, { ...framesOf(), total: 3 });
    expect(useUi.getState().frame).toBeNull();
    deliver(null, framesOf([1, 1], [2, 2], [3, 3]));
    expect(useUi.getState()).toMatchObject({ frame: 2, follow: false });
  });

  test('presses in quick succession are several steps, though the rows still tell of the selection before', () => {
    deliver(null, framesOf([1, 1], [2, 6], [7, 7], [8, 8]));
    for (const step of [-1, -1, -1] as const) moveRow(step);
    expect(useUi.getState().frame).toBe(6);
    // Any frame of a folded run is that entry.
    useUi.setState({ frame: 4 });
    moveRow(1);
    expect(useUi.getState().frame).toBe(7);
  });

  test('an empty grid takes no key, and another tab forgets what was pressed', () => {
    deliver(null, framesOf());
    expect(moveRow(1)).toBe(false);
    deliver(null);
    moveRow(1);
    useUi.setState({ tab: 'hpack' });
    deliver(null, framesOf([1, 1]));
    useUi.setState({ tab: 'frames' });
    expect(useUi.getState().frame).toBeNull();
  });
});
