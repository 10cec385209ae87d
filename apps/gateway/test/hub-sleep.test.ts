/** A hub that nobody watches reads nothing; whoever comes then finds what is open, and the newest of what happened. */
import { describe, expect, it } from 'vitest';
import { exchange, PAYLOAD, traceRig } from './trace-rig.ts';

describe('a viewer that comes late', () => {
  it('finds facts, heads, pairs, windows and settings of what has long been open', () => {
    const rig = traceRig({ entryBytes: 4 << 20 });
    const { id, tap } = rig.open();
    const backend = rig.open({ leg: 1 });
    tap.onSettings(2, [3, 77]);
    tap.onFieldSectionStart(0, 1);
    tap.onField(0, ':method', 'POST', 0, 3, 1);
    tap.onField(0, ':path', '/watch', 1, 4, 8);
    tap.onField(0, ':authority', 'shop.test', 1, 1, 8);
    tap.onFieldSectionEnd(0, 1, 0, 17);
    tap.onStreamState(1, 0, 3);
    tap.onFrame(0, 1, 4, 1, 17, 1, 1, 0, PAYLOAD, 0);
    tap.onFieldSectionStart(1, 1);
    tap.onField(1, ':status', '200', 0, 8, 1);
    tap.onFieldSectionEnd(1, 1, 1, 1);
    backend.tap.onStreamState(5, 0, 3);
    rig.recorder.paired(id, 1, backend.id, 5);
    tap.onFrame(1, 0, 0, 1, 500, 4444, 3333, 0, PAYLOAD, 0);
    // Hours of traffic later nothing of that is in the rings.
    for (let i = 0; i < 15_000; i++) exchange(tap, 3 + 2 * i, 100);
    rig.tick();
    const viewer = rig.viewer();
    viewer.subscribe({ backlog: 1000 });
    rig.tick();
    rig.tick();
    const rows = viewer.rows();
    expect(rows.connections.get(id)).toMatchObject({ peer: '127.0.0.1:50000', closedAt: -1 });
    expect(rows.connections.get(id)!.settings.received).toEqual([[3, 77]]);
    expect(rows.connections.get(backend.id)!.leg).toBe(1);
    expect(rows.streams.get(`${id}:1`)).toMatchObject({
      method: 'POST',
      path: '/watch',
      authority: 'shop.test',
      status: 200,
      pair: { connection: backend.id, stream: 5 },
    });
    expect(rows.streams.get(`${backend.id}:5`)!.pair).toEqual({ connection: id, stream: 1 });
    expect(rows.streamStates.get(`${id}:1`)).toMatchObject({ state: 3, sendWindow: 3333, bytesSent: 500 });
    // What is newest was still in the rings.
    expect(rows.streams.get(`${id}:${1 + 2 * 15_000}`)).toMatchObject({ path: `/item/${1 + 2 * 15_000}`, status: 200 });
    expect(viewer.frames).toBe(1000);
    expect(rows.streams.size).toBeLessThan(15_000);
  });

  it('does not see a redacted path told again', () => {
    const rig = traceRig();
    const { id, tap } = rig.open();
    tap.onFieldSectionStart(0, 1);
    tap.onField(0, ':method', 'GET', 0, 2, 1);
    tap.onField(0, ':path', '/secret/place', 3, 4, 8);
    tap.onFieldSectionEnd(0, 1, 0, 9);
    tap.onStreamState(1, 0, 3);
    tap.onFrame(0, 1, 4, 1, 9, 1, 1, 0, PAYLOAD, 0);
    const other = rig.open();
    for (let i = 0; i < 8000; i++) exchange(other.tap, 1 + 2 * i, 100);
    rig.tick();
    const viewer = rig.viewer();
    viewer.subscribe();
    rig.tick();
    rig.tick();
    expect(viewer.rows().streams.get(`${id}:1`)).toMatchObject({ method: 'GET', path: '' });
  });

  it('after the last one left the hub reads on for a while, then sleeps', () => {
    const rig = traceRig({ lingerMs: 1000 });
    const { id, tap } = rig.open();
    const first = rig.viewer();
    first.subscribe();
    exchange(tap, 1);
    rig.tick();
    rig.hub.detach(first.viewer);
    exchange(tap, 3);
    rig.tick();
    const second = rig.viewer();
    const snapshot = second.subscribe({ backlog: 100 });
    expect(snapshot.rows.streams.map(row => row.stream)).toEqual([1, 3]);
    expect(second.frames).toBe(10);
    rig.hub.detach(second.viewer);
    rig.now += 2_000_000;
    rig.tick();
    for (let i = 0; i < 6000; i++) {
      exchange(tap, 5 + 2 * i, 100);
      // Turns end, and with each the streams that closed in it.
      if (i % 100 === 99) rig.recorder.flush();
    }
    rig.tick();
    const third = rig.viewer();
    third.subscribe({ backlog: 10_000 });
    rig.tick();
    expect(third.frames).toBeGreaterThan(0);
    expect(third.rows().streams.get(`${id}:${3 + 12_000}`)).toMatchObject({ status: 200 });
    expect([...third.rows().streamStates.values()].filter(row => row.state !== 6)).toEqual([]);
    // Its books begin with its own subscription.
    expect(Object.fromEntries(third.counted())).toEqual(Object.fromEntries(third.produced()));
  });

  it('under load without a viewer, details are recorded for a part of the time and frames always', () => {
    const rig = traceRig({ idleBytesPerSecond: 20_000, entryBytes: 8 << 20, ringBytes: 65_536 * 40 });
    const { id, tap } = rig.open();
    tap.onFieldSectionStart(0, 1);
    tap.onField(0, ':method', 'GET', 0, 2, 1);
    tap.onField(0, ':path', '/long', 1, 4, 6);
    tap.onTableInsert(0, ':path', '/long', 42);
    tap.onFieldSectionEnd(0, 1, 0, 7);
    tap.onStreamState(1, 0, 3);
    tap.onFrame(0, 1, 4, 1, 7, 1, 1, 0, PAYLOAD, 0);
    for (let i = 0; i < 5000; i++) {
      exchange(tap, 3 + 2 * i, 100);
      rig.recorder.flush();
      rig.now += 1000;
    }
    // A head that nobody could see being recorded.
    tap.onFieldSectionStart(0, 20_001);
    tap.onField(0, ':method', 'PUT', 1, 2, 4);
    tap.onTableInsert(0, ':method', 'PUT', 42);
    tap.onField(0, ':path', '/hidden', 3, 4, 6);
    tap.onFieldSectionEnd(0, 20_001, 0, 10);
    tap.onStreamState(20_001, 0, 3);
    tap.onFrame(0, 1, 4, 20_001, 10, 1, 1, 0, PAYLOAD, 0);
    rig.recorder.flush();
    const viewer = rig.viewer();
    const snapshot = viewer.subscribe({ backlog: 100_000 });
    rig.tick();
    rig.tick();
    expect(viewer.frames).toBe(15_002);
    const lost = (log: string) =>
      viewer.drops.filter(drop => drop.log === log).reduce((sum, drop) => sum + drop.count, 0);
    expect(snapshot.from.fields).toBe(0);
    // 5000 exchanges take ten times what the budget allows.
    expect(viewer.sections.length).toBeGreaterThan(200);
    expect(viewer.sections.length).toBeLessThan(3000);
    // The rest is owned up to with the next section that is recorded.
    exchange(tap, 20_003, 100);
    rig.tick();
    expect(viewer.sections.length + lost('fields')).toBe(10_004);
    expect(viewer.sections.at(-1)!.fields[0]).toMatchObject({ name: ':status', value: '200' });
    const rows = viewer.rows();
    expect(rows.streams.get(`${id}:1`)).toMatchObject({ method: 'GET', path: '/long' });
    expect(rows.streams.get(`${id}:20001`)).toMatchObject({ method: 'PUT', path: '' });
    expect(rows.streams.get(`${id}:20003`)).toMatchObject({ path: '/item/20003', status: 200 });
    const open = [...rows.streamStates.values()].filter(row => row.state !== 6);
    expect(open.map(row => row.stream).sort()).toEqual([1, 20_001]);
    expect(Object.fromEntries(viewer.counted())).toEqual(Object.fromEntries(viewer.produced()));
    // A table that was not followed all the time says so.
    viewer.send({ type: 'get', id: 1, what: 'tables', connection: id });
    const reply = viewer.all('reply')[0]!;
    expect(reply.what === 'tables' && reply.received.complete).toBe(false);
  });
});
