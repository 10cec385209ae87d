import { describe, expect, test } from 'vitest';
import { type Look, NOTHING } from '../src/feed/model.ts';
import { Feed } from '../src/worker/feed.ts';
import { MAX_STREAMS_PER_CONNECTION } from '../src/worker/state-store.ts';
import { World } from './fake/world.ts';
import { dataFrames, framesMessage, hello, snapshot } from './kit.ts';

const GRID = { filter: '', connection: null, stream: null, fold: false, follow: true, first: 0, length: 10 };

function rig(rows = 1 << 12) {
  let now = 0;
  const feed = new Feed(() => now, rows);
  feed.greet(hello());
  const look = (change: Partial<Look>): void => feed.look({ ...NOTHING, ...change });
  return { feed, look, pass: (ms: number) => (now += ms) };
}

describe('the feed', () => {
  test('the newest rows are shown in follow mode, and a window of them otherwise', () => {
    const { feed, look } = rig();
    feed.take(snapshot(0, 0));
    feed.frames(
      framesMessage(
        0,
        Array.from({ length: 30 }, (_, at) => ({ stream: 2 * at + 1, type: 1 })),
      ),
    );
    look({ frames: { tab: GRID, drawer: null } });
    expect(feed.grids().frames.tab).toMatchObject({ total: 30, base: 0 });
    expect(feed.grids().frames.tab?.rows.map(row => row.stream)).toEqual([41, 43, 45, 47, 49, 51, 53, 55, 57, 59]);
    look({ frames: { tab: { ...GRID, follow: false, first: 3, length: 2 }, drawer: null } });
    expect(feed.grids().frames.tab?.rows.map(row => row.stream)).toEqual([7, 9]);
  });

  test('paused, the grid stands still while the log fills; resumed, everything is there', () => {
    const { feed, look } = rig();
    feed.take(snapshot(0, 0));
    feed.frames(framesMessage(0, dataFrames(5, { type: 1 })));
    look({ frames: { tab: GRID, drawer: null } });
    look({ frames: { tab: GRID, drawer: null }, paused: true });
    feed.frames(framesMessage(5, dataFrames(7, { type: 1 })));
    expect(feed.grids().frames.tab?.total).toBe(5);
    expect(feed.status().totals).toMatchObject({ produced: 12, received: 12, retained: 12 });
    look({ frames: { tab: { ...GRID, filter: 'type=HEADERS' }, drawer: null }, paused: true });
    expect(feed.grids().frames.tab?.total).toBe(5);
    look({ frames: { tab: GRID, drawer: null } });
    expect(feed.grids().frames.tab?.total).toBe(12);
  });

  test('the selected frame is found in whatever the grid shows', () => {
    const { feed, look } = rig();
    feed.take(snapshot(0, 0));
    feed.frames(framesMessage(0, [{ type: 1 }, { stream: 5 }, { stream: 5 }, { stream: 5 }, { type: 8 }]));
    look({ frames: { tab: { ...GRID, fold: true }, drawer: null }, frame: 2 });
    expect(feed.grids()).toMatchObject({ frames: { tab: { selectedIndex: 1 } }, frame: { row: 2, stream: 5 } });
    look({ frames: { tab: { ...GRID, filter: 'type=HEADERS' }, drawer: null }, frame: 2 });
    expect(feed.grids().frames.tab?.selectedIndex).toBe(-1);
  });

  test('a filter that names connections is not narrowed to the selected one', () => {
    const { feed, look } = rig();
    feed.take(snapshot(0, 0));
    feed.frames(framesMessage(0, [{ conn: 1 }, { conn: 2 }, { conn: 3 }]));
    look({ frames: { tab: { ...GRID, connection: 1 }, drawer: null } });
    expect(feed.grids().frames.tab?.total).toBe(1);
    look({ frames: { tab: { ...GRID, connection: 1, filter: 'conn=2,3' }, drawer: null } });
    expect(feed.grids().frames.tab?.total).toBe(2);
  });

  test('nor one that names a worker, which the row of the connection tells', () => {
    const { feed, look } = rig();
    const world = new World();
    for (const worker of [1, 2, 2]) world.open({ leg: 0, negotiation: 'alpn', peer: 'here', worker });
    feed.take(snapshot(0, 0, world));
    feed.frames(framesMessage(0, [{ conn: 1 }, { conn: 2 }, { conn: 3 }]));
    look({ frames: { tab: { ...GRID, connection: 1, filter: 'worker=2' }, drawer: null } });
    expect(feed.grids().frames.tab?.total).toBe(2);
  });

  test('positions are acknowledged once', () => {
    const { feed } = rig();
    feed.take(snapshot(0, 0));
    expect(feed.acknowledge()).toBeNull();
    feed.frames(framesMessage(0, dataFrames(3)));
    feed.take({ type: 'dropped', log: 'frames', cause: 'credit', from: 3, to: 9, count: 6, counts: [] });
    feed.take({ type: 'events', from: 0, to: 4, events: [] });
    expect(feed.acknowledge()).toEqual({ frames: 9, events: 4 });
    expect(feed.acknowledge()).toBeNull();
    expect(feed.status().totals).toMatchObject({ produced: 9, received: 3, dropped: 6 });
  });

  test('after a reconnect to the same gateway, its backlog fills the gap and nothing is counted twice', () => {
    const { feed, look } = rig();
    feed.take(snapshot(0, 0));
    feed.frames(framesMessage(0, dataFrames(4, { type: 1 })));
    feed.greet(hello());
    feed.take(snapshot(2, 8));
    feed.frames(framesMessage(2, dataFrames(6, { type: 1 })));
    look({ frames: { tab: GRID, drawer: null } });
    expect(feed.grids().frames.tab?.total).toBe(8);
    expect(feed.status().totals).toMatchObject({ produced: 8, received: 8, dropped: 0, behind: 0 });
  });

  test('events that a reconnect tells again are not taken for new ones', () => {
    const { feed, look } = rig();
    const world = new World(() => 0);
    const connection = world.open({ leg: 0, negotiation: 'alpn', peer: 'a' });
    connection.violation('data.window', '9113 6.9.1', 1, 'too much');
    feed.take(snapshot(0, 0, world));
    const { events } = world;
    feed.take({ type: 'events', from: 0, to: events.length, events });
    connection.violation('data.window', '9113 6.9.1', 3, 'again too much');
    feed.take({ type: 'events', from: 0, to: events.length, events });
    look({ connection: 1 });
    expect(feed.state().connection?.violations.map(violation => violation.stream)).toEqual([3, 1]);
  });

  test('another gateway process: nothing of the old one is shown', () => {
    const { feed, look } = rig();
    const world = new World();
    world.open({ leg: 0, negotiation: 'alpn', peer: 'a' });
    feed.take(snapshot(0, 0, world));
    feed.frames(framesMessage(0, dataFrames(4)));
    expect(feed.state().connections).toHaveLength(1);
    feed.greet(hello('g2'));
    feed.take(snapshot(0, 0));
    look({ frames: { tab: GRID, drawer: null } });
    expect(feed.state().connections).toEqual([]);
    expect(feed.grids().frames.tab?.total).toBe(0);
    expect(feed.status().totals).toMatchObject({ produced: 0, received: 0 });
  });

  test('closed connections and streams stay when the gateway forgets them', () => {
    const { feed, look } = rig();
    const world = new World();
    const connection = world.open({ leg: 0, negotiation: 'alpn', peer: 'a' });
    connection.request(1, [
      [':method', 'GET'],
      [':path', '/x'],
    ]);
    connection.respond(1, [[':status', '200']], true);
    feed.take(snapshot(0, 0, world));
    connection.close();
    const gone = { ...world.changes(false), forgottenConnections: [1], forgottenStreams: [[1, 1]] as const };
    const head = { frames: 0, fields: 0, events: 0, payloads: 0 };
    feed.take({ type: 'state', now: world.now, head, reset: false, rows: gone });
    look({ connection: 1, streams: { scope: 'all', sort: 'newest', search: '', first: 0, length: 10 } });
    expect(feed.state().connections).toMatchObject([{ id: 1, health: 'closed' }]);
    expect(feed.state().streams?.rows).toMatchObject([{ stream: 1, path: '/x', status: 200 }]);
  });

  test('closed streams go when there are too many, open ones stay', () => {
    const { feed, look } = rig();
    const world = new World(() => 0);
    const connection = world.open({ leg: 0, negotiation: 'alpn', peer: 'a' });
    for (let stream = 1; stream <= 2 * MAX_STREAMS_PER_CONNECTION + 5; stream += 2) {
      connection.request(stream, [[':method', 'GET']]);
      if (stream > 1) connection.respond(stream, [[':status', '204']], true);
    }
    feed.take(snapshot(0, 0, world));
    look({ connection: 1, streams: { scope: 'all', sort: 'oldest', search: '', first: 0, length: 2 } });
    expect(feed.state().streams).toMatchObject({ total: MAX_STREAMS_PER_CONNECTION, counts: { open: 1 } });
    expect(feed.state().streams?.rows.map(row => row.stream)).toEqual([1, 9]);
  });

  test('a reset of the state takes away what is not named, unless it was closed', () => {
    const { feed } = rig();
    const world = new World();
    world.open({ leg: 0, negotiation: 'alpn', peer: 'a' });
    world.open({ leg: 0, negotiation: 'alpn', peer: 'b' }).close();
    feed.take(snapshot(0, 0, world));
    const head = { frames: 0, fields: 0, events: 0, payloads: 0 };
    feed.take({ type: 'state', now: world.now, head, reset: true, rows: new World().changes(true) });
    expect(feed.state().connections.map(row => row.peer)).toEqual(['b']);
  });

  test('time goes on between messages, so that ages and stalls grow, but not without a connection', () => {
    const { feed, pass } = rig();
    feed.take(snapshot(0, 0, null, 5_000_000));
    pass(250);
    expect(feed.now).toBe(5_250_000);
    feed.stop();
    pass(1000);
    expect(feed.now).toBe(5_250_000);
    feed.take(snapshot(0, 0, null, 6_000_000));
    pass(1);
    expect(feed.now).toBe(6_001_000);
  });
});
