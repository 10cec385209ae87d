/**
 * `received + dropped == produced`, per connection, direction and type: for a viewer that reads, one that reads slowly,
 * one that stops, one that comes late, and when the gateway overwrites the ring faster than the hub reads it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exchange, PAYLOAD, type Rig, type RigViewer, traceRig } from './trace-rig.ts';

function burst(rig: Rig, taps: readonly ReturnType<Rig['open']>[], frames: number): void {
  for (let i = 0; i < frames; i++) {
    const { tap } = taps[i % taps.length]!;
    const type = i % 7 === 0 ? 8 : i % 11 === 0 ? 6 : i % 97 === 0 ? 200 : 0;
    tap.onFrame((i % 3 === 0 ? 0 : 1) as 0 | 1, type, 0, type === 8 ? 0 : 1, 100, 1, 1, 0, PAYLOAD, 0);
  }
  void rig;
}

function expectBalanced(viewer: RigViewer): void {
  expect(Object.fromEntries(viewer.counted())).toEqual(Object.fromEntries(viewer.produced()));
}

describe('the books of the log', () => {
  it('a viewer that acknowledges at once misses nothing', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const taps = [rig.open(), rig.open(), rig.open()];
    for (let round = 0; round < 20; round++) {
      burst(rig, taps, 1500);
      rig.tick();
      viewer.acknowledge();
    }
    rig.tick();
    expect(viewer.frames).toBe(30_000);
    expect(viewer.drops).toEqual([]);
    expect([...viewer.columns.seq.slice(0, viewer.frames)]).toEqual([...Array(30_000).keys()]);
    expectBalanced(viewer);
  });

  it('a viewer that never acknowledges gets the credit and not a message more', () => {
    const rig = traceRig({ creditBytes: 100_000 });
    const viewer = rig.viewer();
    viewer.subscribe();
    const taps = [rig.open(), rig.open()];
    let sent = 0;
    for (let round = 0; round < 50; round++) {
      burst(rig, taps, 1500);
      rig.tick();
      if (round === 10) sent = viewer.unacknowledged;
    }
    expect(sent).toBeGreaterThanOrEqual(100_000);
    expect(sent).toBeLessThan(100_000 + 33_000);
    expect(viewer.unacknowledged).toBe(sent);
    // It wakes up: the gap is told in one message, and then the log goes on.
    viewer.acknowledge();
    rig.tick();
    viewer.acknowledge();
    burst(rig, taps, 10);
    rig.tick();
    viewer.acknowledge();
    for (let i = 0; i < 5; i++) {
      rig.tick();
      viewer.acknowledge();
    }
    expect(viewer.drops.map(drop => drop.cause)).toContain('credit');
    expectBalanced(viewer);
    expect(viewer.position).toBe(75_010);
  });

  it('a viewer within its lag gets everything, late', () => {
    const rig = traceRig({ creditBytes: 40_000, ringBytes: 100_000 * 40 });
    const viewer = rig.viewer();
    viewer.subscribe();
    const taps = [rig.open()];
    burst(rig, taps, 20_000);
    for (let i = 0; i < 60; i++) {
      rig.tick();
      viewer.acknowledge();
    }
    expect(viewer.frames).toBe(20_000);
    expect(viewer.drops).toEqual([]);
    expectBalanced(viewer);
  });

  it('when the ring is overwritten before the hub reads it, the loss is known by connection and type', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const taps = [rig.open(), rig.open(), rig.open()];
    burst(rig, taps, 1000);
    rig.tick();
    viewer.acknowledge();
    burst(rig, taps, 50_000);
    const gone = rig.open();
    burst(rig, [gone], 500);
    rig.recorder.connectionClosed(gone.id, null);
    burst(rig, taps, 6000);
    rig.tick();
    viewer.acknowledge();
    burst(rig, taps, 100);
    rig.tick();
    viewer.acknowledge();
    const [drop] = viewer.drops;
    expect(drop).toMatchObject({ cause: 'overrun', log: 'frames', from: 1000 });
    expect(drop!.count).toBe(drop!.to - drop!.from);
    expect(drop!.counts.some(([connection]) => connection === gone.id)).toBe(true);
    expectBalanced(viewer);
    expect(viewer.frames + viewer.drops.reduce((sum, each) => sum + each.count, 0)).toBe(57_600);
  });

  it('a late viewer gets the last frames of the ring, then what is new', () => {
    const rig = traceRig();
    const taps = [rig.open(), rig.open()];
    burst(rig, taps, 10_000);
    rig.tick();
    const viewer = rig.viewer();
    const snapshot = viewer.subscribe({ backlog: 1000 });
    expect(snapshot.from.frames).toBe(9000);
    expect(snapshot.head.frames).toBe(10_000);
    expect(viewer.frames).toBe(1000);
    burst(rig, taps, 500);
    rig.tick();
    expect(viewer.frames).toBe(1500);
    expect(viewer.columns.seq[0]).toBe(9000);
    expectBalanced(viewer);
    const greedy = rig.viewer();
    const all = greedy.subscribe({ backlog: 10_000_000 });
    expect(all.from.frames).toBeGreaterThan(10_500 - 4096);
    expect(greedy.frames).toBe(10_500 - all.from.frames);
    expectBalanced(greedy);
  });

  it('a viewer that comes back starts new books', () => {
    const rig = traceRig({ creditBytes: 40_000 });
    const taps = [rig.open()];
    const viewer = rig.viewer();
    viewer.subscribe();
    for (let i = 0; i < 5; i++) {
      burst(rig, taps, 2000);
      rig.tick();
    }
    rig.hub.detach(viewer.viewer);
    const seen = viewer.frames;
    burst(rig, taps, 100);
    rig.tick();
    expect(viewer.frames).toBe(seen);
    const again = rig.viewer();
    again.subscribe({ backlog: 50 });
    burst(rig, taps, 100);
    rig.tick();
    again.acknowledge();
    rig.tick();
    expect(again.frames).toBe(150);
    expectBalanced(again);
  });

  it('a choice of frames keeps its own books', () => {
    const rig = traceRig({ creditBytes: 40_000 });
    const viewer = rig.viewer();
    const taps = [rig.open(), rig.open()];
    viewer.subscribe({ frames: { types: [0], direction: 1, connections: [taps[1]!.id] } });
    for (let i = 0; i < 10; i++) {
      burst(rig, taps, 1800);
      rig.tick();
    }
    for (let i = 0; i < 10; i++) {
      viewer.acknowledge();
      rig.tick();
    }
    const wanted = [...viewer.produced()].filter(([key]) => key === `${taps[1]!.id}/1/0`);
    expect(wanted).toHaveLength(1);
    expect([...viewer.counted()]).toEqual(wanted);
  });

  it('holds for any order of bursts, acknowledgements, ticks and overruns', () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('burst' as const), frames: fc.integer({ min: 1, max: 9000 }) }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('tick' as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('ack' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('subscribe' as const), backlog: fc.integer({ min: 0, max: 5000 }) }),
      },
    );
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.integer({ min: 20_000, max: 300_000 }),
        (steps, credit) => {
          const rig = traceRig({ creditBytes: credit });
          const viewer = rig.viewer();
          viewer.subscribe();
          let taps = [rig.open(), rig.open()];
          for (const each of steps) {
            if (each.kind === 'burst') burst(rig, taps, each.frames);
            else if (each.kind === 'tick') rig.tick();
            else if (each.kind === 'ack') viewer.acknowledge();
            else if (each.kind === 'close') {
              rig.recorder.connectionClosed(taps[0]!.id, null);
              taps = [taps[1]!, rig.open()];
            } else {
              viewer.frames = 0;
              viewer.texts.length = 0;
              viewer.subscribe({ backlog: each.backlog });
            }
          }
          for (let i = 0; i < 30; i++) {
            rig.tick();
            viewer.acknowledge();
          }
          expectBalanced(viewer);
        },
      ),
      { numRuns: 30, verbose: 1 },
    );
  });
});

describe('the other two logs', () => {
  it('a slow viewer is told how many sections and events it missed', () => {
    const rig = traceRig({ creditBytes: 30_000, keptSections: 500, keptEvents: 500, entryBytes: 8 << 20 });
    const viewer = rig.viewer();
    viewer.subscribe({ frames: null });
    const { tap } = rig.open();
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 100; i++) exchange(tap, 1 + 2 * (round * 100 + i));
      rig.tick();
    }
    for (let i = 0; i < 30; i++) {
      viewer.acknowledge();
      rig.tick();
    }
    const lost = (log: string) =>
      viewer.drops.filter(drop => drop.log === log).reduce((sum, drop) => sum + drop.count, 0);
    expect(lost('fields')).toBeGreaterThan(0);
    expect(viewer.sections.length + lost('fields')).toBe(4000);
    expect(lost('events')).toBeGreaterThan(0);
    // Two transitions for each stream, and the connection's beginning.
    expect(viewer.events.length + lost('events')).toBe(4001);
  });

  it('an overrun of the entry ring is counted, and what lasts is told again', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onSettings(2, [3, 100]);
    const other = rig.open();
    for (let i = 0; i < 6000; i++) exchange(tap, 1 + 2 * i, 100);
    other.tap.onStreamState(1, 0, 3);
    rig.recorder.connectionClosed(other.id, null);
    rig.tick();
    rig.tick();
    // Once for the first viewer, once for the overrun.
    expect(rig.resyncs).toBe(2);
    exchange(tap, 20_001, 100);
    rig.tick();
    for (let i = 0; i < 10; i++) {
      viewer.acknowledge();
      rig.tick();
    }
    const lost = (log: string) =>
      viewer.drops.filter(drop => drop.log === log).reduce((sum, drop) => sum + drop.count, 0);
    expect(lost('fields')).toBeGreaterThan(0);
    expect(viewer.sections.length + lost('fields')).toBe(12_002);
    // 2 opened, 1 settings, 2 per exchange, 1 stream, 1 closed.
    expect(viewer.events.length + lost('events')).toBe(2 + 1 + 12_002 + 1 + 1);
    const rows = viewer.rows();
    expect(rows.connections.get(id)).toMatchObject({ peer: '127.0.0.1:50000', closedAt: -1 });
    expect(rows.connections.get(id)!.settings.received).toEqual([[3, 100]]);
    expect(rows.connectionStates.get(id)!.openStreams).toBe(0);
    expect([...rows.streamStates.values()].filter(row => row.state !== 6)).toEqual([]);
    expect(rows.streams.get(`${id}:20001`)).toMatchObject({ path: '/item/20001', status: 200 });
  });
});

describe('the state', () => {
  it('is right for a viewer whose log is far behind', () => {
    const rig = traceRig({ creditBytes: 1000 });
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onStreamState(1, 0, 3);
    for (let i = 1; i <= 30_000; i++) tap.onFrame(1, 0, 0, 1, 1, 65_535 - i, 70_000 - i, 0, PAYLOAD, 0);
    rig.tick();
    expect(viewer.rows().connectionStates.get(id)!.sendWindow).toBe(35_535);
    expect(viewer.rows().streamStates.get(`${id}:1`)).toMatchObject({ sendWindow: 40_000, bytesSent: 30_000 });
  });

  it('waits while the socket is full, and then tells the newest', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    viewer.bufferedBytes = 10 << 20;
    tap.onFrame(1, 0, 0, 1, 1, 1111, 0, 0, PAYLOAD, 0);
    rig.tick();
    expect(viewer.all('state')).toHaveLength(0);
    tap.onFrame(1, 0, 0, 1, 1, 2222, 0, 0, PAYLOAD, 0);
    rig.tick();
    viewer.bufferedBytes = 0;
    rig.tick();
    expect(viewer.all('state')).toHaveLength(1);
    expect(viewer.rows().connectionStates.get(id)!.sendWindow).toBe(2222);
    rig.tick();
    expect(viewer.all('state')).toHaveLength(1);
  });

  it('keeps closed connections and streams up to a number, and says which are gone', () => {
    const rig = traceRig({ closedConnections: 3, closedStreams: 10 });
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    for (let i = 0; i < 30; i++) exchange(tap, 1 + 2 * i);
    rig.tick();
    const kept = [...viewer.rows().streams.values()].map(row => row.stream);
    expect(kept.sort((a, b) => a - b)).toEqual([41, 43, 45, 47, 49, 51, 53, 55, 57, 59]);
    const others = [rig.open(), rig.open(), rig.open(), rig.open(), rig.open()];
    for (const other of others) rig.recorder.connectionClosed(other.id, null);
    rig.tick();
    expect([...viewer.rows().connections.keys()].sort()).toEqual([id, ...others.slice(2).map(each => each.id)].sort());
    const fresh = rig.viewer();
    fresh.subscribe();
    expect([...fresh.rows().connections.keys()].sort()).toEqual([...viewer.rows().connections.keys()].sort());
    expect([...fresh.rows().streams.keys()].sort()).toEqual([...viewer.rows().streams.keys()].sort());
  });
});

describe('what a viewer may send', () => {
  it.each([
    ['not json', '{'],
    ['no type', '{}'],
    ['a list', '[]'],
    ['a second token', '{"type":"auth","token":"x"}'],
    ['an acknowledgement of what was never sent', '{"type":"ack","frames":5}'],
    [
      'too long a selection',
      JSON.stringify({
        type: 'subscribe',
        id: 1,
        frames: { streams: Array(1001).fill(1) },
        fields: null,
        events: false,
        payloads: null,
        backlog: 0,
      }),
    ],
    [
      'a negative stream',
      '{"type":"subscribe","id":1,"frames":{"streams":[-1]},"fields":null,"events":true,"backlog":0}',
    ],
    ['an oversized message', JSON.stringify({ type: 'get', id: 1, what: 'x'.repeat(40_000), connection: 1 })],
  ])('closes on %s', (_what, text) => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.viewer.receive(text);
    expect(viewer.closed).toMatchObject({ code: 4400 });
  });

  it('answers sections of a stream and both dynamic tables', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    const { id, tap } = rig.open();
    exchange(tap, 1);
    tap.onTableResize(1, 100);
    exchange(tap, 3);
    rig.tick();
    viewer.send({ type: 'get', id: 7, what: 'sections', connection: id, stream: 3 });
    viewer.send({ type: 'get', id: 8, what: 'tables', connection: id });
    viewer.send({ type: 'get', id: 9, what: 'tables', connection: 99 });
    const [sections, tables, error] = viewer.all('reply');
    expect(sections).toMatchObject({ id: 7, what: 'sections' });
    expect(sections!.what === 'sections' && sections!.packed.sections).toHaveLength(2);
    expect(tables).toMatchObject({
      id: 8,
      received: { maxSize: 4096, complete: true },
      sent: { maxSize: 100, size: 54, entries: [{ name: 'content-type', value: 'text/plain', size: 54 }] },
    });
    const received = tables!.what === 'tables' ? tables!.received.entries : [];
    expect(received.map(entry => [entry.name, entry.value, entry.size])).toEqual([
      ['authorization', '', 59],
      [':path', '/item/3', 44],
      ['authorization', '', 59],
      [':path', '/item/1', 44],
    ]);
    expect(error).toMatchObject({ id: 9, what: 'error' });
  });

  it('one that asks without reading is closed', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.bufferedBytes = 9 << 20;
    viewer.send({ type: 'get', id: 1, what: 'tables', connection: 1 });
    expect(viewer.closed).toMatchObject({ code: 4400, reason: 'asks for more without reading' });
  });
});
