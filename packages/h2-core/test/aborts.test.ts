/**
 * What a program's code is called for may fail anywhere: every call to a handler, to a tap and to a padding strategy throws
 * once, at every point of a connection's life. Whatever throws comes out of the call that led to it, the connection ends, and
 * nothing is left. ROB-02
 */
import { describe, expect, test } from 'vitest';
import { Connection, type Handler, type Stream, type Tap } from '../src/index.ts';
import {
  altSvc,
  auditConnection,
  concat,
  continuation,
  data,
  describeFrame,
  Flags,
  fieldBlock,
  frame,
  goAway,
  headers,
  origins,
  ping,
  preface,
  pushPromise,
  Recorder,
  replay,
  requestFields,
  rstStream,
  settings,
  settingsAck,
  WireReader,
  windowUpdate,
} from '../src/testing/index.ts';
import { CALLS } from '../src/testing/recorder.ts';
import { get } from './support/endpoint.ts';

type Role = 'server' | 'client';

const POST = requestFields({ method: 'POST' });
const OPEN = Flags.END_HEADERS;
const OK = [[':status', '200']] as const;
const large = new Uint8Array(100_000);

/** What happens to a connection in a long life, one call after the other; some of it is against the rules. */
const LIVES: Record<Role, (connection: Connection, streams: Stream[]) => (() => void)[]> = {
  server: (connection, streams) => {
    const hears =
      (...frames: Uint8Array[]) =>
      () =>
        connection.receive(concat(...frames), 10);
    const stream = (index: number): Stream => streams[index] as Stream;
    return [
      hears(preface, settings(4, 20_000), settingsAck),
      hears(headers(1, POST, OPEN), data(1, 'body'), headers(1, [['trailer', 'x']])),
      hears(frame('HEADERS', 0, 3, fieldBlock(POST)), continuation(3, [], OPEN), data(3, 'x', 0, { padding: 3 })),
      () => connection.inform(stream(0), 103, ['link', 'x']),
      () => connection.push(stream(0), get('/pushed')),
      () => connection.respond(stream(0), 200, ['a', 'b'], false),
      () => connection.write(stream(0), large, false),
      () => connection.takeOutput(),
      hears(windowUpdate(1, 100_000), windowUpdate(0, 200_000)),
      () => connection.takeOutput(),
      () => connection.write(stream(0), large.subarray(0, 10), true),
      () => connection.respond(stream(1), 200, [], false),
      () => connection.trailers(stream(1), ['t', 'u']),
      () => connection.release(stream(1), 1),
      hears(headers(5, requestFields()), headers(7, [['Bad', 'x']]), headers(9, requestFields()), rstStream(9, 8)),
      () => connection.hold(stream(2)),
      () => connection.reset(stream(2), 2, 'because'),
      () => connection.ping(new Uint8Array(8)),
      () => connection.updateSettings([3, 5]),
      () => connection.takeOutput(),
      hears(ping(new Uint8Array(8), Flags.ACK), settingsAck, frame(0x77, 0, 0, [1]), ping(new Uint8Array(8))),
      hears(headers(11, POST, OPEN), data(11, new Uint8Array(10_000))),
      hears(goAway(0, 0, 'bye')),
      () => connection.shutdown(),
      () => connection.takeOutput(),
      () => connection.handleTimeout(2000),
      hears(windowUpdate(0, 0)),
      () => connection.takeOutput(),
    ];
  },
  client: (connection, streams) => {
    const hears =
      (...frames: Uint8Array[]) =>
      () =>
        connection.receive(concat(...frames), 10);
    const stream = (index: number): Stream => streams[index] as Stream;
    const request = (endStream: boolean) => () => {
      streams.push(connection.request({ ...get(), method: 'POST' }, endStream));
    };
    return [
      request(false),
      request(true),
      request(true),
      () => connection.write(stream(0), large, false),
      hears(settings(3, 3, 4, 1000), settingsAck),
      request(true),
      () => connection.takeOutput(),
      hears(headers(1, [[':status', '103']], OPEN), headers(1, OK, OPEN), data(1, 'hello')),
      hears(pushPromise(1, 2, requestFields()), headers(2, OK), headers(1, [['t', 'u']])),
      hears(windowUpdate(1, 200_000), windowUpdate(0, 200_000)),
      () => connection.takeOutput(),
      () => connection.trailers(stream(0), ['t', 'u']),
      hears(headers(3, OK, OPEN), data(3, 'x'), rstStream(3, 7)),
      hears(altSvc(0, 'https://a', 'h2=":1"'), origins('https://a'), frame(0x77, 0, 0, [1])),
      () => connection.ping(new Uint8Array(8)),
      () => connection.priorityUpdate(5, 'u=1'),
      request(true),
      () => connection.takeOutput(),
      // Cancelled before a sign of life: its place is kept until one comes.
      () => connection.reset(stream(4), 8),
      () => connection.takeOutput(),
      hears(ping(new Uint8Array(8), Flags.ACK), ping(new Uint8Array(8))),
      hears(headers(5, [...OK, ['Bad', 'x']])),
      hears(goAway(5, 0, 'bye')),
      () => connection.takeOutput(),
      hears(data(99, 'x')),
      () => connection.takeOutput(),
    ];
  },
};

/** Which call throws, counted from 0 for each kind. */
interface Fault {
  readonly kind: 'handler' | 'tap' | 'padding';
  readonly at: number;
}

class Defect extends Error {}

interface Outcome {
  readonly calls: Record<Fault['kind'], number>;
  readonly events: string[];
  readonly thrown: unknown[];
  readonly output: Uint8Array[];
}

const OPTIONS = { automaticPingAck: false, maxSendBufferSize: 1000 };
const HANDLER_CALLS: readonly string[] = CALLS;

/** Lives one life, with one fault; `at` -1: with none. */
function live(role: Role, fault: Fault): Outcome {
  const calls = { handler: 0, tap: 0, padding: 0 };
  const events: string[] = [];
  const thrown: unknown[] = [];
  const output: Uint8Array[] = [];
  const streams: Stream[] = [];
  const perhaps = (kind: Fault['kind'], what: string): void => {
    const at = calls[kind]++;
    if (fault.kind === kind && fault.at === at) throw new Defect(what);
  };
  const handler: Handler = Object.fromEntries(
    HANDLER_CALLS.filter(name => role === 'client' || name !== 'onPush').map(name => [
      name,
      (first: unknown, second: unknown) => {
        events.push(name);
        if (role === 'server' && name === 'onRequest') streams.push(first as Stream);
        perhaps('handler', `${name} ${String(second)}`);
      },
    ]),
  );
  const tap = new Proxy({} as Tap, {
    get: (_, name) => () => perhaps('tap', String(name)),
  });
  const padding = (length: number): number => {
    perhaps('padding', 'padding');
    return length + 5;
  };
  const connection = new Connection(
    { role, handler, ...OPTIONS, ...(fault.kind === 'handler' ? {} : { tap, padding }) },
    0,
  );
  for (const step of LIVES[role](connection, streams)) {
    try {
      step();
    } catch (error) {
      thrown.push(error);
      // What a tap did to a command is half done: see `Tap`.
      if (error instanceof Defect && fault.kind === 'tap') connection.destroy(2, 'tap failed');
    }
    output.push(...(connection.isClosed ? connection.takeOutput() : []));
    auditConnection(connection);
  }
  output.push(...connection.takeOutput());
  connection.receiveEnd(5000);
  expect(connection.isClosed).toBe(true);
  auditConnection(connection);
  expect([connection.openStreams, connection.unreleasedBytes, connection.nextTimeout()]).toEqual([0, 0, Infinity]);
  for (const stream of streams) expect([stream.id, stream.bufferedBytes]).toEqual([stream.id, 0]);
  expect(events.filter(name => name === 'onClosed')).toHaveLength(1);
  return { calls, events, thrown, output };
}

/** True when the tap's call number `at` is made by the constructor. */
function throwsWhenMade(role: Role, at: number): boolean {
  let calls = 0;
  const tap = new Proxy({} as Tap, {
    get: () => () => {
      if (calls++ === at) throw new Defect('in the constructor');
    },
  });
  try {
    return new Connection({ role, handler: {}, tap }, 0).isClosed;
  } catch (error) {
    return error instanceof Defect;
  }
}

describe.each(['server', 'client'] as const)('a %s', role => {
  test('lives a life in which everything happens that its handler can be told', () => {
    // ROB-09
    const { events, thrown } = live(role, { kind: 'handler', at: -1 });
    expect(thrown.filter(error => error instanceof Defect)).toEqual([]);
    const told = new Set(events);
    const ofClients = ['onResponse', 'onInformational', 'onPush', 'onAltSvc', 'onOrigins', 'onSlotsFree'];
    const ofServers = ['onPreface', 'onRequest', 'onRejected'];
    const expected = CALLS.filter(name => !(role === 'server' ? ofClients : ofServers).includes(name));
    expect(expected.filter(name => !told.has(name))).toEqual([]);
  });

  test.each(['handler', 'tap', 'padding'] as const)('survives a %s that throws, at every call', kind => {
    // ROB-02
    const { calls } = live(role, { kind, at: -1 });
    expect(calls[kind]).toBeGreaterThan(2);
    // The first of a tap are made while the connection is: the program has none then.
    let first = 0;
    for (; kind === 'tap' && throwsWhenMade(role, first); first++);
    for (let at = first; at < calls[kind]; at++) {
      const { thrown, events } = live(role, { kind, at });
      const defects = thrown.filter(error => error instanceof Defect);
      if (defects.length !== 1)
        throw new Error(`${kind} call ${at} came out ${defects.length} times: ${events.join(' ')}`);
    }
  });
});

test('a handler that throws when it hears of a stream’s end keeps neither the next request nor the end waiting', () => {
  // ROB-02: in a command the connection lives on, so nothing may be left undone.
  const fails = (): void => {
    throw new Defect('in the handler');
  };
  const client = new Connection({ role: 'client', handler: { onStreamClosed: fails } }, 0);
  client.receive(concat(settings(3, 1), settingsAck), 0);
  const [first, second] = [client.request(get(), false), client.request(get(), false)];
  client.receive(headers(1, OK), 0);
  expect(() => client.write(first, new Uint8Array(0), true)).toThrow(Defect);
  expect(second.id).toBe(3);
  client.shutdown();
  client.receive(headers(3, OK), 0);
  expect(() => client.write(second, new Uint8Array(0), true)).toThrow(Defect);
  expect([client.isClosed, client.error]).toEqual([true, null]);
  auditConnection(client);

  const server = new Connection({ role: 'server', handler: { onEndSent: fails } }, 0);
  server.receive(concat(preface, settings(), headers(1, requestFields())), 0);
  const stream = server.stream(1) as Stream;
  server.respond(stream, 200, [], false);
  expect(() => server.write(stream, new Uint8Array(0), true)).toThrow(Defect);
  expect(server.openStreams).toBe(0);
  auditConnection(server);
});

test('a handler that ends the connection when it hears of one waiting request, or throws, leaves each its end', () => {
  // ROB-02, CNC-06: found by fuzzing
  const told: string[] = [];
  const handler: Handler = {
    onReset: () => {
      told.push('reset');
      if (!client.isClosed) client.destroy(2);
      else throw new Defect('in the handler');
    },
    onStreamClosed: () => told.push('closed'),
    onClosed: () => told.push('over'),
  };
  const client: Connection = new Connection({ role: 'client', handler }, 0);
  client.receive(concat(settings(3, 0), settingsAck), 0);
  for (let i = 0; i < 3; i++) client.request(get(), true);
  expect(() => client.shutdown()).toThrow(Defect);
  expect(told).toEqual(['reset', 'reset', 'closed', 'reset', 'closed', 'closed', 'over']);
  auditConnection(client);
});

test('octets charged for a frame that ended the connection are not held for ever', () => {
  const server = new Connection({ role: 'server', handler: {} }, 0);
  server.receive(concat(preface, settings(), data(1, 'on an idle stream')), 0);
  expect([server.isClosed, server.unreleasedBytes]).toEqual([true, 0]);
});

test('every event of a recording and every frame has a line to be read by', () => {
  // ROB-09
  for (const role of ['server', 'client'] as const) {
    const streams: Stream[] = [];
    const handler: Handler = Object.fromEntries(
      HANDLER_CALLS.map(name => [
        name,
        (first: Stream) => {
          if (name === 'onRequest') streams.push(first);
        },
      ]),
    );
    const connection = new Connection({ role, handler, ...OPTIONS }, 0);
    const recorder = new Recorder(connection);
    for (const step of LIVES[role](connection, streams)) step();
    const { steps } = recorder.recording;
    for (const step of steps) expect(JSON.stringify(step)).toMatch(/^\{"what":"(?:<|>?[a-zA-Z]+)"/);
    const reader = new WireReader(role);
    const lines = steps.flatMap(({ output = '' }) =>
      reader.push(Uint8Array.from(Buffer.from(output, 'hex'))).map(describeFrame),
    );
    expect(lines.length).toBeGreaterThan(8);
    for (const line of lines) expect(line).toMatch(/^(?:[A-Z_]+|TYPE 0x[0-9a-f]+)(?: .+)?$/);
    expect(replay(JSON.parse(JSON.stringify(recorder.recording)))).toMatchObject({ matches: true, divergence: null });
  }
});
