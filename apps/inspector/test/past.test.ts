/** The flight recorder: its strip, and what the page shows of a moment of the past. */
import { FrameType } from '@glassway/inspector-protocol';
import { describe, expect, test } from 'vitest';
import { type Look, NOTHING } from '../src/feed/model.ts';
import { PastMark } from '../src/feed/past.ts';
import { Feed } from '../src/worker/feed.ts';
import { PAST_PARTS } from '../src/worker/past/strip.ts';
import { World } from './fake/world.ts';
import { type FrameSpec, framesMessage, hello, snapshot } from './kit.ts';

const S = 1_000_000;
const GRID = { filter: '', connection: 1, stream: null, fold: true, follow: true, first: 0, length: 100 };

/** A connection from 1 s on whose stream 1 sends a frame of 100 octets every 100 ms until 9 s; then 24 s have passed. */
function recorded(capacity = 256): { feed: Feed; look: (change: Partial<Look>) => void } {
  let ms = 0;
  const world = new World(() => ms);
  ms = 1000;
  world.open({ leg: 0, negotiation: 'alpn', peer: 'client' }).request(1, [[':method', 'GET']]);
  ms = 24_000;
  const feed = new Feed(() => 0, capacity);
  feed.greet(hello());
  feed.take(snapshot(0, 80, world, ms * 1000));
  const frames: FrameSpec[] = Array.from({ length: 80 }, (_, i) => ({
    t: S + (i + 1) * 100_000,
    stream: 1,
    type: i % 10 === 9 ? FrameType.PING : FrameType.DATA,
    connWindow: 65_535 - i,
  }));
  feed.frames(framesMessage(0, frames));
  return { feed, look: change => feed.look({ ...NOTHING, connection: 1, ...change }) };
}

describe('the strip', () => {
  test('counts every frame kept once, from the oldest to now', () => {
    const { feed } = recorded();
    const past = feed.past().past!;
    expect(past).toMatchObject({ from: 1.1 * S, to: 24 * S });
    expect(past.counts).toHaveLength(PAST_PARTS);
    expect(past.counts.reduce((sum, each) => sum + each, 0)).toBe(80);
    expect(past.counts.at(-1)).toBe(0);
  });

  test('of what was overwritten nothing is counted', () => {
    const past = recorded(32).feed.past().past!;
    expect(past.counts.reduce((sum, each) => sum + each, 0)).toBe(32);
    expect(past.from).toBeCloseTo(5.9 * S);
  });

  test('shows where streams stood still and rules were broken', () => {
    const { feed } = recorded();
    const entry = feed.store.connections.get(1)!;
    entry.streams
      .get(1)!
      .spans.push(
        { cause: 1, from: 10 * S, to: 12 * S, pendingBytes: 0 },
        { cause: 2, from: 20 * S, to: -1, pendingBytes: 0 },
      );
    entry.violations.push({
      kind: 'violation',
      t: 15 * S,
      seq: 0,
      connection: 1,
      stream: 1,
      rule: 'r',
      rfc: '9113 5.1',
      message: 'm',
    } as never);
    const { from, to, marks } = feed.past().past!;
    const at = (t: number): number => marks[Math.floor(((t - from) / (to - from)) * PAST_PARTS)]!;
    expect([at(9 * S), at(11 * S), at(13 * S), at(15 * S), at(23 * S)]).toEqual([
      0,
      PastMark.STALL,
      0,
      PastMark.VIOLATION,
      PastMark.STALL,
    ]);
  });
});

describe('a moment of the past', () => {
  test('frames are those until then, and all again when it is left; a run of DATA is cut in the middle', () => {
    const { feed, look } = recorded();
    const tab = (at: number | null) => {
      look({ frames: { tab: GRID, drawer: null }, at });
      return feed.grids().frames.tab!;
    };
    expect(tab(null).total).toBe(16);
    const then = tab(1.5 * S);
    expect(then.rows.map(row => [row.count, row.length])).toEqual([[5, 500]]);
    expect(tab(2.5 * S).rows.map(row => row.count)).toEqual([9, 1, 5]);
    expect(tab(2.3 * S).rows.map(row => row.count)).toEqual([9, 1, 3]);
    expect(tab(0).total).toBe(0);
    const again = tab(null);
    expect(again.rows.map(row => row.count)).toEqual([9, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9, 1]);
  });

  test('windows end as the last frame before it left them, not as they are now', () => {
    const { feed, look } = recorded();
    const windows = { streams: [], direction: 1 as const, seconds: 0, life: false };
    look({ windows, at: 2.05 * S });
    const part = feed.windows().windows!;
    expect(part.to).toBe(2.05 * S);
    expect([...part.connection].at(-1)).toBe(65_535 - 9);
    expect(part.t.every(t => t <= 2.05 * S)).toBe(true);
  });

  test('the Timeline has nothing from after it', () => {
    const { feed, look } = recorded();
    look({ timeline: { seconds: 0 }, at: 3 * S });
    const part = feed.timeline().timeline!;
    expect(part.lanes.flatMap(lane => lane.phases.map(phase => phase.to)).every(to => to <= 3 * S)).toBe(true);
    expect(Math.max(...part.pickTimes)).toBeLessThanOrEqual(3 * S);
    look({ timeline: { seconds: 0 }, at: 0.5 * S });
    expect(feed.timeline().timeline).toBe(null);
  });

  test('the dynamic tables go along: after the last block until then, and the one chosen of several at one time', () => {
    let ms = 0;
    const world = new World(() => ms);
    const client = world.open({ leg: 0, negotiation: 'alpn', peer: 'client' });
    ms = 100;
    client.request(1, [['x-first', '1']]);
    client.respond(1, [['x-answer', '1']]);
    ms = 200;
    client.request(3, [['x-second', '2']]);
    const feed = new Feed(() => 0);
    feed.greet(hello());
    feed.take(snapshot(0, 0, world, world.now));
    feed.take({ type: 'fields', from: 0, to: 3, sections: world.sections });
    const [received, sent] = client.tables;
    feed.take({ type: 'reply', id: 1, what: 'tables', received, sent });
    const tables = (at: number | null, hpackStep: number | null = null) => {
      feed.look({ ...NOTHING, connection: 1, hpack: true, at, hpackStep });
      const { history, fields } = feed.hpack().hpack!;
      const then = history.step ?? history.start;
      return then === null
        ? null
        : [history.step?.id, then.received.entries.length, then.sent.entries.length, fields.length];
    };
    expect(tables(null)).toBe(null);
    expect(tables(50_000)).toEqual([undefined, 0, 0, 0]);
    expect(tables(150_000)).toEqual([2, 1, 1, 2]);
    expect(tables(100_000, 1)).toEqual([1, 1, 0, 2]);
    expect(tables(200_000)).toEqual([3, 2, 1, 3]);
  });
});
