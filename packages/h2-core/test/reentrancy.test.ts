/** Commands inside handler calls: every command in every call leaves books that agree, and a wire that makes sense. */
import { describe, expect, test } from 'vitest';
import { Connection, type Handler, type Stream, StreamState, UsageError } from '../src/index.ts';
import { auditConnection } from '../src/testing/index.ts';
import { get } from './support/endpoint.ts';
import {
  concat,
  data,
  F,
  GET,
  goAway,
  headers,
  POST,
  parse,
  preface,
  rst,
  settings,
  settingsAck,
  T,
  windowUpdate,
} from './support/frames.ts';

type Command = (connection: Connection, stream: Stream | undefined) => void;
const onStream =
  (command: (connection: Connection, stream: Stream) => void): Command =>
  (connection, stream) => {
    if (stream !== undefined) command(connection, stream);
  };
const octets = new Uint8Array(40_000);

const COMMANDS: Record<string, Command> = {
  'respond and end': onStream((c, s) => c.respond(s, 200, [], true)),
  'respond and write': onStream((c, s) => {
    c.respond(s, 200, [], false);
    c.write(s, octets, true);
  }),
  'write a little': onStream((c, s) => c.write(s, octets.subarray(0, 10), false)),
  'write more than the windows': onStream((c, s) => c.write(s, new Uint8Array(100_000), true)),
  trailers: onStream((c, s) => c.trailers(s, ['x', 'y'])),
  reset: onStream((c, s) => c.reset(s, 8)),
  'reset all': c => {
    for (let id = 1; id < 30; id++) {
      const stream = c.stream(id);
      if (stream !== undefined) c.reset(stream, 8);
    }
  },
  release: onStream((c, s) => c.release(s, s.unreleasedBytes)),
  hold: onStream((c, s) => c.hold(s)),
  done: onStream((c, s) => c.done(s)),
  'hold and done': onStream((c, s) => {
    c.hold(s);
    c.done(s);
  }),
  shutdown: c => c.shutdown(),
  destroy: c => c.destroy(2, 'test'),
  request: c => {
    c.request(get(), true);
  },
  settings: c => c.updateSettings([4, 1000]),
  ping: c => c.ping(new Uint8Array(8)),
};

const CALLS = [
  'onRequest',
  'onResponse',
  'onInformational',
  'onData',
  'onTrailers',
  'onEndSent',
  'onReset',
  'onStreamClosed',
  'onWritable',
  'onSettings',
  'onSettingsAcked',
  'onGoAway',
  'onPong',
  'onClosed',
] as const;

/** A connection whose handler runs `command` in the call named, and books of what every stream was told. */
function rig(
  role: 'server' | 'client',
  call: string,
  command: Command,
): { connection: Connection; wire: Uint8Array[] } {
  const closed = new Set<Stream>();
  let last: Stream | undefined;
  let over = 0;
  const run = (name: string, stream: Stream | undefined): void => {
    if (name !== call || over > 1) return;
    try {
      command(connection, stream ?? last);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  };
  const told = (name: string) => (first: unknown) => {
    expect(over, `${name} after onClosed`).toBe(0);
    const stream = typeof first === 'object' && first !== null && 'sendWindow' in first ? (first as Stream) : undefined;
    if (stream !== undefined) {
      expect(closed.has(stream), `${name} after onStreamClosed of stream ${stream.id}`).toBe(false);
      last = stream;
    }
    run(name, stream);
  };
  const handler: Record<string, unknown> = {};
  for (const name of CALLS) handler[name] = told(name);
  handler['onStreamClosed'] = (stream: Stream) => {
    expect(closed.has(stream), `onStreamClosed twice for stream ${stream.id}`).toBe(false);
    closed.add(stream);
    expect(stream.state).toBe(StreamState.CLOSED);
    run('onStreamClosed', stream);
  };
  handler['onClosed'] = () => {
    over++;
    expect(over, 'onClosed once').toBe(1);
    run('onClosed', last);
  };
  if (call !== 'onRequest' && role === 'server') {
    handler['onRequest'] = (stream: Stream) => {
      last = stream;
      // Enough that the windows fill, `write` says no, and `onWritable` is owed.
      if (stream.id % 4 === 1) {
        connection.respond(stream, 200, [], false);
        connection.write(stream, new Uint8Array(70_000), false);
      }
      if (stream.id === 3) connection.respond(stream, 204, [], true);
    };
  }
  const connection: Connection = new Connection({ role, handler: handler as Handler, maxSendBufferSize: 60_000 }, 0);
  return { connection, wire: [] };
}

/** No stream is reset twice or answered after its reset; nothing follows a GOAWAY that ends the connection. */
function checkWire(output: Uint8Array): void {
  const from = output[0] === 0x50 && output[1] === 0x52 ? preface.length : 0;
  const reset = new Set<number>();
  for (const f of parse(output.slice(from))) {
    if (f.type === T.RST_STREAM) {
      expect(reset.has(f.streamId), `RST_STREAM twice on stream ${f.streamId}`).toBe(false);
      reset.add(f.streamId);
    } else if (f.streamId !== 0) {
      expect(reset.has(f.streamId), `frame of type ${f.type} after RST_STREAM on stream ${f.streamId}`).toBe(false);
    }
  }
}

const CLIENT_SAYS: Uint8Array[] = [
  concat(preface, settings(), settingsAck),
  headers(1, GET),
  headers(3, POST, F.END_HEADERS),
  concat(headers(5, POST, F.END_HEADERS), data(5, 'hello')),
  data(3, 'body', F.END_STREAM),
  headers(7, POST, F.END_HEADERS),
  concat(data(7, 'x'), headers(7, [['x-t', 'v']])),
  concat(headers(9, POST, F.END_HEADERS), headers(11, POST, F.END_HEADERS), rst(9, 8)),
  windowUpdate(11, 0),
  concat(headers(13, GET), headers(13, GET)),
  headers(15, [...POST, ['content-length', '3']], F.END_HEADERS),
  data(15, 'four'),
  concat(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000), windowUpdate(5, 1_000_000)),
  concat(settings(4, 10), rst(1, 8)),
  headers(17, GET),
  goAway(0, 0),
  data(0, 'x'),
];

const SERVER_SAYS: Uint8Array[] = [
  concat(settings(3, 4), settingsAck),
  headers(1, [[':status', '103']], F.END_HEADERS),
  concat(headers(1, [[':status', '200']], F.END_HEADERS), data(1, 'hello', F.END_STREAM)),
  concat(headers(3, [[':status', '200']], F.END_HEADERS), data(3, 'x'), headers(3, [['x-t', 'v']])),
  concat(windowUpdate(0, 1_000_000), windowUpdate(5, 1_000_000)),
  rst(5, 7),
  headers(7, [
    [':status', '200'],
    ['Bad', 'x'],
  ]),
  settings(3, 2, 4, 10),
  headers(9, [[':status', '204']]),
  goAway(11, 0),
  rst(11, 8),
  goAway(0, 2),
];

describe.each(CALLS)('inside %s', call => {
  test.each(Object.keys(COMMANDS))('server: %s', name => {
    const { connection } = rig('server', call, COMMANDS[name] as Command);
    const output: Uint8Array[] = [];
    CLIENT_SAYS.forEach((chunk, i) => {
      connection.receive(chunk, i);
      auditConnection(connection);
      if (i % 2 === 0) output.push(...connection.takeOutput());
      auditConnection(connection);
    });
    connection.receiveEnd(100);
    auditConnection(connection);
    output.push(...connection.takeOutput());
    checkWire(concat(...output));
    expect(connection.isClosed).toBe(true);
  });

  test.each(Object.keys(COMMANDS))('client: %s', name => {
    const { connection } = rig('client', call, COMMANDS[name] as Command);
    const output: Uint8Array[] = [];
    for (let i = 0; i < 9; i++) {
      const stream = connection.request({ ...get(), method: i % 2 === 0 ? 'POST' : 'GET' }, i % 2 === 1);
      if (i % 2 === 0 && i > 0) connection.write(stream, new Uint8Array(70_000), i === 4);
      if (i === 0) connection.write(stream, octets, true);
    }
    SERVER_SAYS.forEach((chunk, i) => {
      connection.receive(chunk, i);
      auditConnection(connection);
      if (i % 2 === 0) output.push(...connection.takeOutput());
      auditConnection(connection);
    });
    connection.receiveEnd(100);
    auditConnection(connection);
    output.push(...connection.takeOutput());
    checkWire(concat(...output));
    expect(connection.isClosed).toBe(true);
  });
});

test('work done in the very call that ends its stream is not counted, nor given back twice', () => {
  const held = (): number => (connection as unknown as { core: { heldStreams: number } }).core.heldStreams;
  const connection: Connection = new Connection(
    {
      role: 'server',
      handler: {
        onRequest: (stream, _, end) => {
          connection.hold(stream);
          connection.respond(stream, 200, [], !end);
          if (end) connection.write(stream, octets, true);
        },
        onData: (stream, _, end) => {
          if (end) connection.done(stream);
        },
        onEndSent: stream => connection.done(stream),
        onReset: stream => connection.done(stream),
      },
    },
    0,
  );
  connection.receive(concat(preface, settings(), settingsAck), 0);
  // Ended by our END_STREAM, by the peer's, by the peer's reset, by ours.
  connection.receive(concat(headers(1, GET), headers(3, POST, F.END_HEADERS)), 0);
  connection.receive(data(3, 'x', F.END_STREAM), 0);
  connection.takeOutput();
  connection.receive(concat(headers(5, GET), rst(5, 8), headers(7, GET), windowUpdate(7, 0)), 0);
  expect(held()).toBe(0);
  // Held beyond its end, then done.
  connection.receive(headers(9, GET), 0);
  const stream = connection.stream(9) as Stream;
  connection.reset(stream, 8);
  expect(held()).toBe(1);
  connection.done(stream);
  connection.done(stream);
  expect(held()).toBe(0);
  auditConnection(connection);
});
