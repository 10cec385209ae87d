/** `j` and `k` on the tab Streams, before and after the worker has delivered the table's rows. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { ConnectionRow, Snapshot, StreamRow, StreamsPart } from '../src/feed/model.ts';

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

function deliver(streams: StreamsPart | null): void {
  feed.snapshot = { connections: [{ id: 1 }, { id: 2 }] as ConnectionRow[], streams };
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
