import { readFramesHeader } from '@glassway/inspector-protocol';
import { describe, expect, test } from 'vitest';
import { FrameLog } from '../src/worker/frame-log.ts';
import { StateStore } from '../src/worker/state-store.ts';
import { MAX_POINTS, tellsOf, windowSeries } from '../src/worker/window-series.ts';
import { World } from './fake/world.ts';
import { type FrameSpec, framesMessage } from './kit.ts';

function rig(frames: readonly FrameSpec[], capacity = 1024) {
  const world = new World(() => 0);
  const connection = world.open({ leg: 0, negotiation: 'alpn', peer: 'a' });
  for (const stream of [1, 3]) connection.request(stream, [[':method', 'GET']]);
  connection.state.sendWindow = 777;
  const store = new StateStore();
  store.apply(world.changes(true), 0, true);
  const log = new FrameLog(capacity);
  const message = framesMessage(0, frames);
  log.append(message, readFramesHeader(message), 0);
  const entry = store.connections.get(1)!;
  const series = (from: number, to: number, streams: readonly number[] = [], direction: 0 | 1 = 1) =>
    windowSeries(log, log.first, log.end, entry, { key: 'k', streams, direction, from, to });
  return { series, entry };
}

describe('windows over time', () => {
  test('DATA received and WINDOW_UPDATE sent tell of the receiving side, all others of the sending side', () => {
    expect(tellsOf(0, 0, 0)).toBe(true);
    expect(tellsOf(0, 1, 8)).toBe(true);
    expect(tellsOf(1, 1, 0)).toBe(true);
    expect(tellsOf(1, 0, 8)).toBe(true);
    expect(tellsOf(1, 0, 1)).toBe(true);
    expect(tellsOf(0, 1, 0)).toBe(false);
  });

  test('only this connection and side, and the line ends at what the state says now', () => {
    const { series } = rig([
      { t: 100, connWindow: 60_000 },
      { t: 200, connWindow: 1, conn: 2 },
      { t: 300, connWindow: 2, dir: 0 },
      { t: 400, connWindow: 50_000 },
    ]);
    const part = series(0, 1000);
    expect([...part.t]).toEqual([100, 400, 1000]);
    expect([...part.connection]).toEqual([60_000, 50_000, 777]);
  });

  test('the last frame before the range says where the line begins', () => {
    const { series } = rig([
      { t: 100, connWindow: 60_000 },
      { t: 200, connWindow: 40_000 },
      { t: 900, connWindow: 30_000 },
    ]);
    const part = series(500, 1000);
    expect([...part.t]).toEqual([500, 900, 1000]);
    expect(part.connection[0]).toBe(40_000);
  });

  test('a stream’s line holds between its frames, and a stream that is not there yet has none', () => {
    const { series } = rig([
      { t: 100, stream: 1, streamWindow: 500 },
      { t: 200, stream: 3, streamWindow: 900 },
      { t: 300, stream: 1, streamWindow: 400 },
    ]);
    const [one, three] = series(0, 400, [1, 3]).streams;
    expect([...one!.values].slice(0, 3)).toEqual([500, 500, 400]);
    expect([...three!.values].slice(0, 3)).toEqual([Number.NaN, 900, 900]);
  });

  test('marks are the WINDOW_UPDATEs of the connection and of the streams drawn', () => {
    const { series } = rig([
      { t: 100, type: 8, dir: 0, stream: 0, aux: 10 },
      { t: 200, type: 8, dir: 0, stream: 1, aux: 20 },
      { t: 300, type: 8, dir: 0, stream: 3, aux: 30 },
      { t: 400, type: 8, dir: 1, stream: 0, aux: 40 },
    ]);
    expect(series(0, 500, [1]).marks).toEqual([
      { t: 100, stream: 0, increment: 10 },
      { t: 200, stream: 1, increment: 20 },
    ]);
  });

  test('a stall is shaded only while a stream waits and the connection’s window is used up', () => {
    const { series, entry } = rig([
      { t: 0, connWindow: 100 },
      { t: 1_000_000, connWindow: 0 },
      { t: 3_000_000, connWindow: 65_535, type: 8, dir: 0 },
    ]);
    expect(series(0, 4_000_000).spans).toEqual([]);
    entry.streams.get(1)!.spans.push({ cause: 1, from: 500_000, to: 2_000_000, pendingBytes: 0 });
    entry.streams.get(3)!.spans.push({ cause: 1, from: 1_500_000, to: 3_500_000, pendingBytes: 0 });
    expect(series(0, 4_000_000).spans).toEqual([{ cause: 1, stream: 0, from: 1_000_000, to: 3_000_000 }]);
  });

  test('a long log is thinned, and the lowest points stay', () => {
    const frames = Array.from({ length: 20_000 }, (_, at) => ({
      t: at,
      connWindow: at === 12_345 ? -5 : 1000 + (at % 7),
    }));
    const { series } = rig(frames, 1 << 15);
    const part = series(0, 20_000);
    expect(part.t.length).toBeLessThanOrEqual(MAX_POINTS + 1);
    expect(Math.min(...part.connection)).toBe(-5);
  });
});
