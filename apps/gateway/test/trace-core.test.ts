/** The recorder behind real connections: what the trace says of windows and states is what the cores hold. */
import { Connection, type RequestHead, RULES, type Stream } from '@glassway/h2-core';
import { Blocked, FrameType, Mark } from '@glassway/inspector-protocol';
import { describe, expect, it } from 'vitest';
import { Leg } from '../src/trace/trace.ts';
import { type Rig, type RigViewer, traceRig } from './trace-rig.ts';

interface Ends {
  readonly rig: Rig;
  readonly viewer: RigViewer;
  readonly server: Connection;
  readonly client: Connection;
  readonly serverId: number;
  readonly clientId: number;
  readonly requests: Stream[];
  /** Octets received by the server's handler that it has not released. */
  readonly held: Map<Stream, number>;
  /** Carries octets both ways until nothing moves. */
  settle(): void;
}

function ends(options: { releases?: boolean; clientWindow?: number } = {}): Ends {
  const rig = traceRig({ entryBytes: 8 << 20, ringBytes: 65_536 * 40, creditBytes: 1 << 30 });
  const viewer = rig.viewer();
  viewer.subscribe();
  const requests: Stream[] = [];
  const held = new Map<Stream, number>();
  const serverSide = rig.open();
  const clientSide = rig.open({ leg: Leg.BACKEND });
  const server = new Connection({
    role: 'server',
    tap: serverSide.tap,
    handler: {
      onRequest: stream => void requests.push(stream),
      onData: (stream, chunk) => {
        if (options.releases !== false) server.release(stream, chunk.length);
        else held.set(stream, (held.get(stream) ?? 0) + chunk.length);
      },
    },
  });
  const client = new Connection({
    role: 'client',
    tap: clientSide.tap,
    ...(options.clientWindow === undefined ? {} : { initialWindowSize: options.clientWindow }),
    handler: { onData: (stream, chunk) => client.release(stream, chunk.length) },
  });
  const settle = () => {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        for (const chunk of from.takeOutput()) {
          moved = true;
          to.receive(chunk.slice(), 0);
        }
      }
    }
  };
  settle();
  return { rig, viewer, server, client, serverId: serverSide.id, clientId: clientSide.id, requests, held, settle };
}

const GET: RequestHead = {
  method: 'GET',
  scheme: 'https',
  authority: 'shop.test',
  path: '/',
  protocol: '',
  fields: ['cookie', 'a=b'],
  sensitive: null,
};

function expectLedger(e: Ends, streams: readonly (readonly [number, Connection, Stream])[]): void {
  e.rig.tick();
  const rows = e.viewer.rows();
  for (const [id, connection] of [
    [e.serverId, e.server],
    [e.clientId, e.client],
  ] as const) {
    expect(rows.connectionStates.get(id), `connection ${id}`).toMatchObject({
      sendWindow: connection.sendWindow,
      receiveWindow: connection.receiveWindow,
      openStreams: connection.openStreams,
    });
  }
  for (const [id, , stream] of streams) {
    expect(rows.streamStates.get(`${id}:${stream.id}`), `stream ${id}:${stream.id}`).toMatchObject({
      state: stream.state,
      sendWindow: stream.sendWindow,
      receiveWindow: stream.receiveWindow,
    });
  }
}

describe('TRC-03 the ledger of real connections', () => {
  it('agrees after the prefaces, while bodies flow, and when all is over', () => {
    const e = ends();
    expectLedger(e, []);
    const streams = [1, 2, 3].map(() => e.client.request(GET, false));
    e.settle();
    const both = () =>
      streams.flatMap((stream, i) => [
        [e.clientId, e.client, stream] as const,
        [e.serverId, e.server, e.requests[i]!] as const,
      ]);
    expectLedger(e, both());
    for (const stream of streams) e.client.write(stream, new Uint8Array(50_000), false);
    e.settle();
    expectLedger(e, both());
    for (const stream of e.requests) {
      e.server.respond(stream, 200, ['content-type', 'text/plain'], false);
      e.server.write(stream, new Uint8Array(100_000), false);
    }
    e.settle();
    expectLedger(e, both());
    for (const stream of streams) e.client.write(stream, new Uint8Array(10), true);
    for (const stream of e.requests) e.server.trailers(stream, ['grpc-status', '5']);
    e.settle();
    e.rig.tick();
    const rows = e.viewer.rows();
    expect([...rows.streamStates.values()].map(row => row.state)).toEqual(Array(6).fill(6));
    expect(rows.connectionStates.get(e.serverId)!.openStreams).toBe(0);
    expect(rows.streams.get(`${e.serverId}:1`)).toMatchObject({
      method: 'GET',
      authority: 'shop.test',
      status: 200,
      contentType: 'text/plain',
      grpcStatus: 5,
    });
    expect(rows.streamStates.get(`${e.serverId}:1`)).toMatchObject({ bytesReceived: 50_010, bytesSent: 100_000 });
  });

  it('agrees when the receiver holds octets back, and says who waits for which window', () => {
    const e = ends({ releases: false });
    const stream = e.client.request(GET, false);
    const other = e.client.request(GET, false);
    for (const each of [stream, other]) e.client.write(each, new Uint8Array(5_000_000), false);
    e.settle();
    expectLedger(e, [
      [e.clientId, e.client, stream],
      [e.clientId, e.client, other],
    ]);
    const rows = e.viewer.rows();
    const causes = [stream, other].map(each => rows.streamStates.get(`${e.clientId}:${each.id}`)!.blocked);
    const windows = [stream, other].map(each => each.sendWindow);
    windows.forEach((window, i) => {
      if (window <= 0) expect(causes[i]).toBe(Blocked.STREAM_WINDOW);
    });
    expect(causes.every(cause => cause === Blocked.NOT)).toBe(false);
    const pending = rows.streamStates.get(`${e.clientId}:${stream.id}`)!.pendingBytes;
    if (causes[0] !== Blocked.NOT) expect(pending).toBe(stream.bufferedBytes);
    for (const [held, bytes] of e.held) e.server.release(held, bytes);
    e.settle();
    expectLedger(e, [[e.clientId, e.client, stream]]);
  });

  it('agrees after SETTINGS_INITIAL_WINDOW_SIZE changed under open streams (RFC 9113 6.9.2)', () => {
    const e = ends();
    const stream = e.client.request(GET, true);
    e.settle();
    e.server.respond(e.requests[0]!, 200, [], false);
    e.server.write(e.requests[0]!, new Uint8Array(30_000), false);
    e.settle();
    e.client.updateSettings([4, 1000]);
    e.settle();
    expectLedger(e, [
      [e.clientId, e.client, stream],
      [e.serverId, e.server, e.requests[0]!],
    ]);
  });
});

describe('TRC-01 sections of real connections', () => {
  it('every HEADERS record has its section, also when CONTINUATION carries the rest', () => {
    const e = ends();
    const long = Array.from({ length: 20 }, (_, i) => [`x-long-${i}`, String.fromCharCode(97 + i).repeat(1500)]).flat();
    const stream = e.client.request({ ...GET, fields: ['cookie', 'a=b', ...long] }, true);
    e.settle();
    e.server.respond(e.requests[0]!, 200, [], true);
    e.settle();
    e.rig.tick();
    const c = e.viewer.columns;
    const rows = [...Array(e.viewer.frames).keys()];
    const headers = rows.filter(row => c.type[row] === FrameType.HEADERS);
    expect(rows.some(row => c.type[row] === FrameType.CONTINUATION && c.direction[row] === 0)).toBe(true);
    expect(headers).toHaveLength(4);
    for (const row of headers) {
      expect(c.mark[row]! & Mark.SECTION).not.toBe(0);
      const section = e.viewer.sections.find(each => each.section === c.aux[row])!;
      expect(section).toMatchObject({ connection: c.connection[row], stream: stream.id, direction: c.direction[row] });
    }
    const [sent, received] = [1, 0].map(direction =>
      e.viewer.sections.find(each => each.kind === 0 && each.direction === direction),
    );
    expect(received!.fields.map(field => [field.name, field.redacted ?? field.value])).toEqual(
      sent!.fields.map(field => [field.name, field.redacted ?? field.value]),
    );
    expect(received!.fields.find(field => field.name === 'cookie')).toMatchObject({ value: '', valueBytes: 3 });
  });

  it('dynamic tables of both sides are the same table, seen from two ends', () => {
    const e = ends();
    for (let i = 0; i < 200; i++) {
      const stream = e.client.request(
        { ...GET, path: `/${i}`, fields: ['x-id', `value-${i}`, 'x-same', 'same'] },
        true,
      );
      e.settle();
      e.server.respond(e.requests[i]!, 200, ['etag', `"${i}"`], true);
      e.settle();
      expect(stream.state).toBe(6);
    }
    e.rig.tick();
    const replies = [e.clientId, e.serverId].map((connection, id) => {
      e.viewer.send({ type: 'get', id, what: 'tables', connection });
      const reply = e.viewer.all('reply').at(-1)!;
      if (reply.what !== 'tables') throw new Error('no tables');
      return reply;
    });
    expect(replies[0]!.sent.entries.length).toBeGreaterThan(20);
    expect(replies[0]!.sent.size).toBeLessThanOrEqual(4096);
    expect(replies[0]!.sent).toEqual(replies[1]!.received);
    expect(replies[0]!.received).toEqual(replies[1]!.sent);
  });
});

describe('TRC-04 resets of real connections', () => {
  it('carry rule, code and initiator on both legs, and close the stream', () => {
    const e = ends();
    const stream = e.client.request(GET, false);
    e.settle();
    e.client.reset(stream, 8, 'the user left');
    e.settle();
    e.rig.tick();
    const rows = e.viewer.rows();
    expect(rows.streams.get(`${e.clientId}:1`)!.reset).toEqual({ code: 8, initiator: 'user', reason: 'the user left' });
    expect(rows.streams.get(`${e.serverId}:1`)!.reset).toEqual({ code: 8, initiator: 'remote', reason: '' });
    expect(rows.connectionStates.get(e.serverId)).toMatchObject({ openStreams: 0, resetsReceived: 1 });
    expect(rows.connectionStates.get(e.clientId)).toMatchObject({ openStreams: 0, resetsSent: 1 });
  });

  it('a broken rule names itself in event and GOAWAY', () => {
    const e = ends();
    e.server.receive(Uint8Array.of(0, 0, 1, FrameType.PING, 0, 0, 0, 0, 0, 7), 0);
    e.settle();
    e.rig.tick();
    const violation = e.viewer.events.find(event => event.kind === 'violation');
    expect(violation).toMatchObject({ connection: e.serverId, frameType: FrameType.PING });
    const rule = violation!.kind === 'violation' ? violation!.rule : '';
    expect(e.viewer.rows().connections.get(e.serverId)!.goAwaySent).toMatchObject({ debug: rule });
    expect(e.viewer.rows().connections.get(e.clientId)!.goAwayReceived).toMatchObject({ debug: rule });
  });
});

it('a limit that is nearly reached is told before it trips, with the rule in words', () => {
  const e = ends();
  // 800 of the 1,000 useless frames that are taken at once.
  for (let i = 0; i < 800; i++) e.server.receive(Uint8Array.of(0, 0, 0, 0xf0, 0, 0, 0, 0, 0), 0);
  e.rig.tick();
  expect(e.server.isClosed).toBe(false);
  expect(e.viewer.events.filter(event => event.kind === 'limit-near')).toMatchObject([
    { connection: e.serverId, rule: 'flood.oddities', used: 750, limit: 1000, text: RULES['flood.oddities'].text },
  ]);
});

describe('settings of real connections', () => {
  it('show what each side announced, what took effect and what was acknowledged', () => {
    const e = ends();
    e.rig.tick();
    const server = e.viewer.rows().connections.get(e.serverId)!.settings;
    const client = e.viewer.rows().connections.get(e.clientId)!.settings;
    expect(server.sent.length).toBeGreaterThan(0);
    expect(server.acked).toEqual(server.sent);
    expect(server.received).toEqual(client.sent);
    expect(client.received).toEqual(server.sent);
  });
});
