/** The recorder and the hub in one thread: what the taps tell is what viewers see. */
import { StreamState } from '@glassway/h2-core';
import { Blocked, FrameType, Mark, StateNumber } from '@glassway/inspector-protocol';
import { describe, expect, it } from 'vitest';
import { reason } from '../src/exchange/reason.ts';
import { Leg } from '../src/trace/trace.ts';
import { exchange, PAYLOAD, traceRig } from './trace-rig.ts';

it('numbers of states go from the core to the page as they are', () => {
  expect(StateNumber).toEqual(StreamState);
});

describe('TRC-01 every frame is observable with its fields', () => {
  it('tells time, direction, leg, type, flags, lengths, windows and number in order', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open({ leg: Leg.BACKEND });
    tap.onFrame(1, FrameType.SETTINGS, 0, 0, 18, 65_535, 0, 3, PAYLOAD, 0);
    tap.onFrame(0, FrameType.WINDOW_UPDATE, 0, 0, 4, 0x7fff_ffff, 0, 0x7fff_0000, PAYLOAD, 0);
    tap.onFrame(1, FrameType.DATA, 1, 0x7fff_ffff, 0xff_ffff, -5, -70_000, 0, PAYLOAD, 0);
    tap.onFrame(0, 0xfe, 0xff, 7, 0, 1, 2, 0xffff_ffff, PAYLOAD, 0);
    rig.tick();
    const c = viewer.columns;
    expect(viewer.frames).toBe(4);
    expect([...c.seq.slice(0, 4)]).toEqual([0, 1, 2, 3]);
    expect([...c.connection.slice(0, 4)]).toEqual([id, id, id, id]);
    expect([...c.leg.slice(0, 4)]).toEqual([1, 1, 1, 1]);
    expect([...c.direction.slice(0, 4)]).toEqual([1, 0, 1, 0]);
    expect([...c.type.slice(0, 4)]).toEqual([4, 8, 0, 0xfe]);
    expect([...c.flags.slice(0, 4)]).toEqual([0, 0, 1, 0xff]);
    expect([...c.stream.slice(0, 4)]).toEqual([0, 0, 0x7fff_ffff, 7]);
    expect([...c.length.slice(0, 4)]).toEqual([18, 4, 0xff_ffff, 0]);
    expect([...c.connectionWindow.slice(0, 4)]).toEqual([65_535, 0x7fff_ffff, -5, 1]);
    expect([...c.streamWindow.slice(0, 4)]).toEqual([0, 0, -70_000, 2]);
    expect([...c.aux.slice(0, 4)]).toEqual([3, 0x7fff_0000, 0, 0xffff_ffff]);
    expect(c.t[0]).toBe(1000);
  });

  it('joins a HEADERS record to its field section by number', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { tap } = rig.open();
    exchange(tap, 1);
    exchange(tap, 3);
    rig.tick();
    const c = viewer.columns;
    const headers = [...Array(viewer.frames).keys()].filter(row => c.type[row] === FrameType.HEADERS);
    expect(headers).toHaveLength(4);
    for (const row of headers) {
      const section = viewer.sections.find(candidate => candidate.section === c.aux[row])!;
      expect(section.stream).toBe(c.stream[row]);
      expect(section.direction).toBe(c.direction[row]);
      expect(section.wireBytes).toBe(c.length[row]);
      expect(c.ref[row]).toBe(section.section & 0xffff);
      expect(c.mark[row]! & Mark.SECTION).not.toBe(0);
      expect((c.mark[row]! & Mark.REDACTED) !== 0).toBe(section.direction === 0);
    }
    expect(viewer.sections[0]!.fields[1]).toEqual({
      name: ':path',
      value: '/item/1',
      representation: 1,
      index: 4,
      wireBytes: 9,
      valueBytes: 7,
      redacted: null,
    });
  });
});

describe('TRC-02 state transitions', () => {
  it('are events between the frames that caused them', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    exchange(tap, 1);
    rig.tick();
    const states = viewer.events.filter(event => event.kind === 'stream-state');
    expect(states).toEqual([
      { kind: 'stream-state', t: 1000, seq: 0, connection: id, stream: 1, from: 0, to: 5 },
      { kind: 'stream-state', t: 1000, seq: 5, connection: id, stream: 1, from: 5, to: 6 },
    ]);
  });
});

describe('TRC-03 the window ledger', () => {
  it('follows both windows of connection and stream by direction', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onStreamState(1, 0, 3);
    tap.onFrame(0, FrameType.HEADERS, 4, 1, 10, 65_535, 65_535, 0, PAYLOAD, 0);
    tap.onFrame(0, FrameType.DATA, 0, 1, 1000, 64_535, 64_535, 0, PAYLOAD, 0);
    tap.onFrame(1, FrameType.DATA, 0, 1, 300, 65_235, 65_200, 0, PAYLOAD, 0);
    tap.onFrame(1, FrameType.WINDOW_UPDATE, 0, 1, 4, 64_535, 65_535, 1000, PAYLOAD, 0);
    rig.tick();
    const { connectionStates, streamStates } = viewer.rows();
    expect(connectionStates.get(id)).toMatchObject({ receiveWindow: 64_535, sendWindow: 65_235, openStreams: 1 });
    expect(streamStates.get(`${id}:1`)).toMatchObject({
      receiveWindow: 65_535,
      sendWindow: 65_200,
      bytesReceived: 1000,
      bytesSent: 300,
      framesReceived: 2,
      framesSent: 2,
    });
  });

  it('RFC 9113 6.9.2: SETTINGS_INITIAL_WINDOW_SIZE moves open streams, below zero too', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onStreamState(1, 0, 3);
    tap.onFrame(1, FrameType.DATA, 0, 1, 60_000, 5535, 5535, 0, PAYLOAD, 0);
    tap.onSettings(2, [4, 10_000]);
    tap.onStreamState(3, 0, 3);
    rig.tick();
    expect(viewer.rows().streamStates.get(`${id}:1`)!.sendWindow).toBe(5535 - 55_535);
    expect(viewer.rows().streamStates.get(`${id}:3`)!.sendWindow).toBe(10_000);
    expect(viewer.rows().connections.get(id)!.settings.received).toEqual([[4, 10_000]]);
  });

  it('tells who is blocked, by what, since when and for how long in all', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onStreamState(5, 0, 3);
    tap.onSendBlocked(5, Blocked.CONNECTION_WINDOW, 48_000);
    rig.tick();
    expect(viewer.rows().streamStates.get(`${id}:5`)).toMatchObject({
      blocked: Blocked.CONNECTION_WINDOW,
      blockedSince: 1000,
      pendingBytes: 48_000,
    });
    expect(viewer.rows().connectionStates.get(id)).toMatchObject({
      blocked: Blocked.CONNECTION_WINDOW,
      blockedSince: 1000,
      blockedStreams: 1,
    });
    rig.now = 1_000_000;
    tap.onSendBlocked(5, Blocked.STREAM_WINDOW, 48_000);
    rig.tick();
    expect(viewer.rows().streamStates.get(`${id}:5`)).toMatchObject({
      blocked: Blocked.STREAM_WINDOW,
      blockedSince: 1_000_000,
      blockedConnectionUs: 999_000,
    });
    expect(viewer.rows().connectionStates.get(id)).toMatchObject({ blocked: Blocked.NOT, blockedSince: -1 });
    rig.now = 1_500_000;
    tap.onSendBlocked(5, Blocked.NOT, 0);
    tap.onFrame(1, FrameType.DATA, 0, 5, 100, 500, 500, 0, PAYLOAD, 0);
    tap.onFrame(1, FrameType.DATA, 0, 5, 100, 400, 400, 0, PAYLOAD, 0);
    rig.tick();
    expect(viewer.rows().streamStates.get(`${id}:5`)).toMatchObject({
      blocked: Blocked.NOT,
      blockedSince: -1,
      pendingBytes: 0,
      blockedStreamUs: 500_000,
    });
    expect(viewer.columns.mark[0]! & Mark.STALLED).not.toBe(0);
    expect(viewer.columns.mark[1]! & Mark.STALLED).toBe(0);
    expect(viewer.events.filter(event => event.kind === 'send-blocked')).toHaveLength(3);
  });

  it('a wait begins anew with every DATA that gets through', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onStreamState(5, 0, 3);
    tap.onSendBlocked(5, Blocked.CONNECTION_WINDOW, 48_000);
    rig.tick();
    rig.now = 400_000;
    tap.onFrame(1, FrameType.DATA, 0, 5, 100, 0, 500, 0, PAYLOAD, 0);
    rig.tick();
    expect(viewer.rows().streamStates.get(`${id}:5`)).toMatchObject({ blocked: 1, blockedSince: 400_000 });
    expect(viewer.rows().connectionStates.get(id)).toMatchObject({ blocked: 1, blockedSince: 400_000 });
    expect(viewer.columns.mark[0]! & Mark.STALLED).not.toBe(0);
  });

  it('tells a full transport and withheld octets', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onStreamState(1, 0, 3);
    tap.onTransport(false);
    tap.onTransport(false);
    tap.onReceiveWithheld(1, 7000);
    tap.onReceiveWithheld(0, 9000);
    rig.tick();
    expect(viewer.rows().connectionStates.get(id)).toMatchObject({
      blocked: Blocked.TRANSPORT,
      blockedSince: 1000,
      withheldBytes: 9000,
    });
    expect(viewer.rows().streamStates.get(`${id}:1`)!.withheldBytes).toBe(7000);
    tap.onTransport(true);
    rig.tick();
    expect(viewer.rows().connectionStates.get(id)).toMatchObject({ blocked: Blocked.NOT, blockedSince: -1 });
  });
});

describe('TRC-04 who reset, and why', () => {
  it('a violation marks its frame, whether told before or after it', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onViolation('window.zero', '9113 6.9', 3, FrameType.WINDOW_UPDATE, 'increment of 0');
    tap.onFrame(0, FrameType.WINDOW_UPDATE, 0, 3, 4, 1, 1, 0, PAYLOAD, 0);
    tap.onFrame(0, FrameType.DATA, 0, 5, 4, 1, 1, 0, PAYLOAD, 0);
    tap.onViolation('data.closed', '9113 5.1', 5, FrameType.DATA, 'DATA on a closed stream');
    tap.onFrame(0, FrameType.PING, 0, 0, 8, 1, 0, 0, PAYLOAD, 0);
    rig.tick();
    expect([...viewer.columns.mark.slice(0, 3)]).toEqual([Mark.VIOLATION, Mark.VIOLATION, 0]);
    expect(viewer.events.filter(event => event.kind === 'violation')).toMatchObject([
      { rule: 'window.zero', rfc: '9113 6.9', stream: 3, frameType: 8, message: 'increment of 0', connection: id },
      { rule: 'data.closed' },
    ]);
    expect(viewer.rows().connectionStates.get(id)!.violations).toBe(2);
  });

  it('tells initiator, code and reason of resets, GOAWAYs and what the gateway did itself', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onStreamState(1, 0, 3);
    tap.onReset(1, 8, 'remote', '');
    tap.onFrame(0, FrameType.RST_STREAM, 0, 1, 4, 1, 0, 8, PAYLOAD, 0);
    tap.onStreamState(1, 3, 6);
    tap.onGoAway(1, 1, 0, 'drain');
    rig.recorder.reasoned(id, 1, reason('client_reset', 'the client gave up'));
    rig.tick();
    expect(viewer.rows().streams.get(`${id}:1`)).toMatchObject({
      reset: { code: 8, initiator: 'remote', reason: '' },
      reason: { code: 'client_reset', text: 'the client gave up' },
    });
    expect(viewer.rows().streamStates.get(`${id}:1`)).toMatchObject({ state: 6, closedAt: 1000 });
    expect(viewer.rows().connections.get(id)!.goAwaySent).toMatchObject({ lastStreamId: 1, code: 0, debug: 'drain' });
    expect(viewer.rows().connectionStates.get(id)).toMatchObject({ resetsReceived: 1, resetsSent: 0, openStreams: 0 });
    expect(viewer.columns.ref[0]).toBe(8);
  });

  it('a stream refused before it opened does not stay open', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onFieldSectionStart(0, 9);
    tap.onField(0, ':method', 'GET', 0, 2, 1);
    tap.onFieldSectionEnd(0, 9, 0, 1);
    tap.onFrame(0, FrameType.HEADERS, 5, 9, 1, 1, 0, 0, PAYLOAD, 0);
    tap.onReset(9, 7, 'library', 'too many streams');
    tap.onFrame(1, FrameType.RST_STREAM, 0, 9, 4, 1, 0, 7, PAYLOAD, 0);
    rig.tick();
    expect(viewer.rows().streamStates.get(`${id}:9`)).toMatchObject({ state: 6, framesReceived: 1, framesSent: 1 });
    expect(viewer.rows().connectionStates.get(id)!.openStreams).toBe(0);
  });
});

describe('streams, pairs and HTTP/1.1', () => {
  it('knows method, path, status and times of a stream, also after it closed in the same turn', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    exchange(tap, 1);
    rig.tick();
    expect(viewer.rows().streams.get(`${id}:1`)).toMatchObject({
      method: 'GET',
      path: '/item/1',
      status: 200,
      contentType: 'text/plain',
    });
    expect(viewer.rows().streamStates.get(`${id}:1`)).toMatchObject({
      state: 6,
      bytesSent: 2500,
      framesSent: 4,
      headReceivedAt: 1000,
      endReceivedAt: 1000,
      endSentAt: 1000,
      closedAt: 1000,
    });
  });

  it('lists HTTP/1.1 requests as streams by ordinal, and pairs the legs', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const client = rig.open();
    const backend = rig.open({
      leg: Leg.BACKEND,
      protocol: 'http/1.1',
      negotiation: 'http/1.1',
      peer: '127.0.0.1:3000',
    });
    client.tap.onStreamState(1, 0, 3);
    rig.recorder.paired(client.id, 1, backend.id, 1);
    rig.recorder.http1Request(backend.id, 1, 'POST', '/orders', [
      'Host',
      'shop.test',
      'Authorization',
      'Basic eHg6eHg=',
    ]);
    rig.recorder.http1Body(backend.id, 1, 1, 500);
    rig.recorder.http1Response(backend.id, 1, 201, ['content-type', 'application/json']);
    rig.recorder.http1Body(backend.id, 1, 0, 80);
    rig.tick();
    const key = `${backend.id}:1`;
    expect(viewer.rows().streams.get(key)).toMatchObject({
      method: 'POST',
      path: '/orders',
      authority: 'shop.test',
      status: 201,
      pair: { connection: client.id, stream: 1 },
    });
    expect(viewer.rows().streamStates.get(key)).toMatchObject({ state: 3, bytesSent: 500, bytesReceived: 80 });
    expect(viewer.rows().streams.get(`${client.id}:1`)!.pair).toEqual({ connection: backend.id, stream: 1 });
    rig.recorder.http1End(backend.id, 1, null);
    rig.recorder.connectionClosed(backend.id, null);
    rig.tick();
    expect(viewer.rows().streamStates.get(key)!.state).toBe(6);
    expect(viewer.rows().connections.get(backend.id)).toMatchObject({ protocol: 'http/1.1', closeReason: null });
    expect(viewer.rows().connections.get(backend.id)!.closedAt).toBeGreaterThan(0);
  });

  it('a connection that closes ends its streams; late calls change nothing', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onStreamState(1, 0, 3);
    rig.recorder.connectionClosed(id, reason('client_closed', 'gone'));
    const next = rig.open();
    tap.onStreamState(3, 0, 3);
    tap.onFrame(0, FrameType.DATA, 0, 1, 100, 1, 1, 0, PAYLOAD, 0);
    rig.tick();
    expect(viewer.rows().streamStates.get(`${id}:1`)!.state).toBe(6);
    expect(viewer.rows().connections.get(id)!.closeReason).toMatchObject({ code: 'client_closed' });
    expect(viewer.rows().connectionStates.get(next.id)).toMatchObject({ bytesReceived: 0, openStreams: 0 });
    expect(rig.recorder.tap(id)).toBeNull();
  });

  it('measures the round trip of an answered PING', () => {
    const rig = traceRig();
    const viewer = rig.viewer();
    viewer.subscribe();
    const { id, tap } = rig.open();
    tap.onFrame(1, FrameType.PING, 0, 0, 8, 1, 0, 0, PAYLOAD, 0);
    rig.tick();
    const before = rig.now;
    tap.onFrame(0, FrameType.PING, 1, 0, 8, 1, 0, 0, Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 7), 1);
    rig.tick();
    expect(viewer.rows().connectionStates.get(id)!.pingRttUs).toBe(before - 1000);
  });
});
