/**
 * One hub over several workers: every worker's connections in one list, one log in the order of time, and
 * `received + dropped == produced` per connection, whoever is slow and whoever dies.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Leg } from '../src/trace/trace.ts';
import { MergedRig, type RigWorker } from './merged-rig.ts';
import { exchange, PAYLOAD, type RigViewer } from './trace-rig.ts';

type Opened = ReturnType<RigWorker['rig']['open']>;

function burst({ tap }: Opened, frames: number): void {
  for (let i = 0; i < frames; i++) {
    const type = i % 7 === 0 ? 8 : i % 11 === 0 ? 6 : 0;
    tap.onFrame((i % 3 === 0 ? 0 : 1) as 0 | 1, type, 0, type === 8 ? 0 : 1, 100, 1, 1, 0, PAYLOAD, 0);
  }
}

function expectBalanced(viewer: RigViewer): void {
  expect(Object.fromEntries(viewer.counted())).toEqual(Object.fromEntries(viewer.produced()));
}

function times(viewer: RigViewer): number[] {
  return [...viewer.columns.t.subarray(0, viewer.frames)];
}

describe('the merged hub', () => {
  it('looks at nobody while nobody looks', () => {
    const rig = new MergedRig(2);
    rig.tick();
    rig.tick();
    expect(rig.workers.map(({ opened }) => opened)).toEqual([0, 0]);
    expect(rig.workers.every(({ rig: { hub } }) => hub.asleep)).toBe(true);
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
    rig.settle(viewer);
    expect(rig.workers.map(({ isOpen }) => isOpen)).toEqual([true, true]);
    rig.hub.detach(viewer.viewer);
    for (let i = 0; i < 60; i++) rig.tick();
    expect(rig.workers.map(({ isOpen }) => isOpen)).toEqual([false, false]);
    for (let i = 0; i < 60; i++) rig.tick();
    expect(rig.workers.every(({ rig: { hub } }) => hub.asleep)).toBe(true);
  });

  it('tells the octets of frames, each under the place that its frame has here', () => {
    const rig = new MergedRig(3, { payloadBytes: 64 });
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: {}, backlog: 1000 });
    rig.settle(viewer);
    const taps = rig.workers.map(({ rig: worker }) => worker.open());
    const sent: string[] = [];
    for (let round = 0; round < 60; round++) {
      taps.forEach(({ id, tap }, at) => {
        rig.time.now += 10;
        // Frames of which nothing is kept stand between.
        tap.onFrame(0, 8, 0, 0, 4, 0, 0, 1, Uint8Array.of(0, 0, 0, 1), 0);
        if (round % (at + 1) !== 0) return;
        const opaque = Uint8Array.of(9, 9, 9, 9, 9, 9, id, round);
        tap.onFrame(0, 6, 0, 0, 8, 0, 0, 0, opaque, 0);
        sent.push([...opaque].join());
      });
      if (round % 7 === 0) rig.tick(20);
    }
    rig.settle(viewer);
    expect(viewer.pieces.map(({ octets }) => [...octets].join()).sort()).toEqual(sent.sort());
    const { seq, type, connection } = viewer.columns;
    const rows = new Map(Array.from({ length: viewer.frames }, (_, row) => [seq[row]!, row]));
    for (const piece of viewer.pieces) {
      const row = rows.get(piece.seq)!;
      expect([type[row], connection[row]]).toEqual([6, piece.octets[6]]);
    }
    expect(new Set(viewer.pieces.map(piece => piece.seq)).size).toBe(sent.length);
  });

  it('shows the connections of all workers, each with its worker, and both legs linked', () => {
    const rig = new MergedRig(2);
    for (const { rig: worker } of rig.workers) {
      const client = worker.open();
      const backend = worker.open({ leg: Leg.BACKEND });
      exchange(client.tap, 1);
      worker.recorder.paired(client.id, 1, backend.id, 1);
      exchange(backend.tap, 1);
    }
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 1000 });
    rig.settle(viewer);
    const { connections, streams } = viewer.rows();
    expect([...connections.values()].map(({ id, worker, leg }) => [id, worker, leg])).toEqual(
      expect.arrayContaining([
        [1, 1, 0],
        [2, 2, 0],
        [3, 1, 1],
        [4, 2, 1],
      ]),
    );
    expect(connections.size).toBe(4);
    expect(streams.get('1:1')!.pair).toEqual({ connection: 3, stream: 1 });
    expect(streams.get('2:1')!.pair).toEqual({ connection: 4, stream: 1 });
    expect(streams.get('4:1')!.path).toBe('/item/1');
    expectBalanced(viewer);
    const sections = viewer.sections.map(({ section }) => section);
    expect(new Set(sections).size).toBe(8);
  });

  it('has the frames of all workers in the order of time, and every event after its frames', () => {
    const rig = new MergedRig(3);
    const taps = rig.workers.map(({ rig: worker }) => worker.open());
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
    rig.settle(viewer);
    for (let round = 0; round < 200; round++) {
      const which = (round * 7) % 3;
      exchange(taps[which]!.tap, round * 2 + 1);
      rig.workers[which]!.rig.recorder.flush();
      // One worker's hub speaks now, another's only later.
      rig.time.now += 3000;
      const speaking = rig.workers[round % 3]!;
      speaking.rig.hub.tick();
      speaking.deliver();
      if (round % 5 === 0) rig.hub.tick();
      viewer.acknowledge();
    }
    rig.settle(viewer);
    const seen = times(viewer);
    expect(seen).toHaveLength(200 * 5);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect([...viewer.columns.seq.subarray(0, viewer.frames)]).toEqual([...Array(1000).keys()]);
    for (const event of viewer.events) {
      if (event.kind !== 'stream-state') continue;
      // The exchange tells of the opening before the frames of its stream, and of the end behind them.
      const { connection, stream } = viewer.columns;
      const rows = [...Array(viewer.frames).keys()].filter(row => connection[row] === event.connection);
      const own = rows.filter(row => stream[row] === event.stream);
      const before = rows[rows.indexOf(own[0]!) - 1] ?? -1;
      if (event.from !== 0) expect(event.seq).toBe(own.at(-1)! + 1);
      else expect([event.seq > before, event.seq <= own[0]!]).toEqual([true, true]);
    }
    expectBalanced(viewer);
  });

  it('shows a late viewer the newest frames of all, in order', () => {
    const rig = new MergedRig(2);
    const taps = rig.workers.map(({ rig: worker }) => worker.open());
    for (let round = 0; round < 50; round++) {
      burst(taps[round % 2]!, 100);
      rig.tick(10);
    }
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 3000 });
    rig.settle(viewer);
    expect(viewer.frames).toBe(3000);
    const seen = times(viewer);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expectBalanced(viewer);
  });

  it('goes on after nobody looked for a while, without telling anything twice', () => {
    const rig = new MergedRig(2);
    const taps = rig.workers.map(({ rig: worker }) => worker.open());
    const first = rig.viewer();
    first.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
    burst(taps[0]!, 100);
    rig.settle(first);
    rig.hub.detach(first.viewer);
    for (let i = 0; i < 60; i++) rig.tick();
    expect(rig.hub.asleep).toBe(true);
    burst(taps[0]!, 50);
    burst(taps[1]!, 70);
    rig.tick();
    const second = rig.viewer();
    second.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 10_000 });
    rig.settle(second);
    expect(second.frames).toBe(220);
    burst(taps[1]!, 30);
    rig.settle(second);
    expect(second.frames).toBe(250);
    expectBalanced(second);
  });

  it('a viewer that never acknowledges gets its credit; workers and hub hold no more than theirs', () => {
    const rig = new MergedRig(
      2,
      { creditBytes: 100_000, maxLagRecords: 4000 },
      { creditBytes: 50_000, maxLagRecords: 4000 },
    );
    const taps = rig.workers.map(({ rig: worker }) => worker.open());
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
    rig.tick();
    for (let round = 0; round < 60; round++) {
      for (const tap of taps) burst(tap, 1000);
      rig.tick();
    }
    expect(viewer.unacknowledged).toBeLessThan(50_000 + 33_000);
    rig.settle(viewer);
    expect(viewer.drops.length).toBeGreaterThan(0);
    expectBalanced(viewer);
    expect(viewer.frames + viewer.drops.reduce((sum, drop) => sum + (drop.log === 'frames' ? drop.count : 0), 0)).toBe(
      120_000,
    );
  });

  it('a merged hub that does not read makes the workers drop, and tells how many', () => {
    const rig = new MergedRig(2, { creditBytes: 60_000, maxLagRecords: 3000 });
    const taps = rig.workers.map(({ rig: worker }) => worker.open());
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
    rig.settle(viewer);
    rig.workers[0]!.held = true;
    for (let round = 0; round < 30; round++) {
      for (const tap of taps) burst(tap, 500);
      rig.tick();
      viewer.acknowledge();
    }
    rig.workers[0]!.held = false;
    rig.settle(viewer);
    const dropped = viewer.drops.flatMap(drop => drop.counts);
    expect(dropped.every(([connection]) => connection === 1)).toBe(true);
    expect(dropped.length).toBeGreaterThan(0);
    expectBalanced(viewer);
  });

  it('the connections of a worker that dies close with a reason, and its counts are final', () => {
    const rig = new MergedRig(2);
    const [one, two] = rig.workers as [RigWorker, RigWorker];
    const client = one.rig.open();
    client.tap.onStreamState(1, 0, 3);
    exchange(client.tap, 3);
    const other = two.rig.open();
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
    rig.settle(viewer);
    // The state says that there were frames which never come.
    one.rig.recorder.flush();
    burst(client, 500);
    one.rig.recorder.flush();
    rig.time.now += 200_000;
    one.rig.hub.tick();
    one.deliver(1);
    one.die();
    rig.hub.leave(one);
    rig.workers.shift();
    burst(other, 10);
    rig.settle(viewer);
    const { connections, connectionStates, streams, streamStates } = viewer.rows();
    expect(connections.get(client.id)).toMatchObject({ closeReason: { code: 'worker_ended' } });
    expect(connections.get(client.id)!.closedAt).toBeGreaterThan(0);
    expect(connectionStates.get(client.id)!.openStreams).toBe(0);
    expect(streams.get(`${client.id}:1`)!.reason).toMatchObject({ code: 'worker_ended' });
    expect(streamStates.get(`${client.id}:1`)).toMatchObject({ state: 6 });
    expect(connections.get(other.id)!.closedAt).toBe(-1);
    expect(viewer.events).toContainEqual(
      expect.objectContaining({
        kind: 'connection-closed',
        connection: client.id,
        reason: expect.objectContaining({ code: 'worker_ended' }),
      }),
    );
    expectBalanced(viewer);
  });

  it('a worker in the place of a dead one joins, with numbers of its own', () => {
    const rig = new MergedRig(2);
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
    rig.settle(viewer);
    const first = rig.workers[0]!.rig.open();
    burst(first, 20);
    rig.settle(viewer);
    rig.workers[0]!.die();
    rig.hub.leave(rig.workers[0]!);
    rig.workers[0] = rig.start(1, 8193, 1);
    const next = rig.workers[0].rig.open();
    expect(next.id).toBeGreaterThan(8193);
    expect(next.id % 2).toBe(1);
    burst(next, 30);
    rig.settle(viewer);
    expect(viewer.rows().connections.get(next.id)).toMatchObject({ worker: 1, closedAt: -1 });
    expect(viewer.frames).toBe(50);
    expectBalanced(viewer);
  });

  it('asks the worker of a connection for its tables, and answers itself for one that is gone', () => {
    const rig = new MergedRig(2);
    const { id, tap } = rig.workers[1]!.rig.open();
    exchange(tap, 1);
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 100 });
    rig.settle(viewer);
    const ask = (what: 'tables' | 'sections', number: number, connection: number) => {
      viewer.send({ type: 'get', id: number, what, connection, stream: 1 } as Parameters<RigViewer['send']>[0]);
      rig.tick();
      return viewer.all('reply').find(reply => reply.id === number);
    };
    expect(ask('tables', 7, id)).toMatchObject({ what: 'tables', received: { maxSize: 4096 } });
    expect(ask('sections', 8, id)).toMatchObject({ what: 'sections' });
    rig.workers[1]!.die();
    expect(ask('sections', 9, id)).toMatchObject({
      what: 'sections',
      packed: { sections: [[], []].map(() => expect.anything()) },
    });
    expect(ask('tables', 10, id)).toMatchObject({ what: 'error' });
    expect(ask('tables', 11, 999)).toMatchObject({ what: 'error', message: 'connection 999 is not known' });
  });

  it('tells verdicts on the streams of all workers', () => {
    const rig = new MergedRig(2);
    for (const { rig: worker } of rig.workers) {
      const { tap } = worker.open();
      tap.onStreamState(1, 0, 3);
      tap.onSendBlocked(1, 1, 5000);
    }
    const viewer = rig.viewer();
    viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
    rig.settle(viewer);
    viewer.send({ type: 'get', id: 5, what: 'verdicts' });
    const reply = viewer.all('reply').find(({ id }) => id === 5);
    expect(reply?.what === 'verdicts' && reply.verdicts.map(({ connection }) => connection).sort()).toEqual([1, 2]);
    const told = viewer.events.filter(event => event.kind === 'verdict').map(({ connection }) => connection);
    expect(new Set(told)).toEqual(new Set([1, 2]));
  });

  it('holds for any order of bursts, deaths, delays and acknowledgements', () => {
    const step = fc.record({
      worker: fc.nat({ max: 2 }),
      frames: fc.nat({ max: 1500 }),
      what: fc.constantFrom('burst', 'burst', 'tick', 'tick', 'acknowledge', 'hold', 'die', 'open', 'close'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), steps => {
        const rig = new MergedRig(
          3,
          { creditBytes: 80_000, maxLagRecords: 3000, ringBytes: 8192 * 40 },
          { creditBytes: 60_000 },
        );
        const taps: Opened[][] = rig.workers.map(({ rig: worker }) => [worker.open()]);
        const viewer = rig.viewer();
        viewer.send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 500 });
        rig.settle(viewer);
        let incarnation = 0;
        for (const { worker, frames, what } of steps) {
          const place = rig.workers[worker]!;
          const tap = taps[worker]![frames % Math.max(1, taps[worker]!.length)];
          if (what === 'burst' && tap !== undefined) burst(tap, frames);
          else if (what === 'tick') rig.tick(frames % 100);
          else if (what === 'acknowledge') viewer.acknowledge();
          else if (what === 'hold') place.held = !place.held;
          else if (what === 'open') taps[worker]!.push(place.rig.open());
          else if (what === 'close' && tap !== undefined) {
            place.rig.recorder.connectionClosed(tap.id, null);
            taps[worker]!.splice(taps[worker]!.indexOf(tap), 1);
          } else if (what === 'die') {
            place.deliver(frames % 4);
            place.die();
            rig.hub.leave(place);
            rig.workers[worker] = rig.start(worker + 1, ++incarnation * 30_000, incarnation);
            taps[worker] = [rig.workers[worker]!.rig.open()];
          }
        }
        for (const place of rig.workers) place.held = false;
        rig.settle(viewer);
        rig.settle(viewer);
        expectBalanced(viewer);
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
