/** A handler that throws inside a command: the error is the caller's, and the connection is left whole. */
import { expect, test } from 'vitest';
import type { ConnectionOptions, Handler, Stream } from '../src/index.ts';
import { Connection } from '../src/index.ts';
import { get } from './support/endpoint.ts';
import { concat, GET, headers, line, parse, preface, settings, settingsAck } from './support/frames.ts';

/** A client that may have one request open, and what wakes its transport. */
function rig(
  handler: Handler,
  options: Partial<ConnectionOptions> = {},
): { connection: Connection; sent: () => string[]; woken: () => number } {
  const connection = new Connection({ role: 'client', ...options, handler }, 0);
  connection.receive(concat(settings(3, 1), settingsAck), 0);
  const sent = (): string[] => {
    const octets = concat(...connection.takeOutput());
    return parse(octets[0] === 0x50 ? octets.slice(preface.length) : octets).map(line);
  };
  sent();
  let wakes = 0;
  connection.wake = () => {
    wakes++;
  };
  return { connection, sent, woken: () => wakes };
}

const fail = (): never => {
  throw new Error('handler threw');
};

test('6.8: a client without streams closes at shutdown though the handler throws when it hears of a waiting request', () => {
  const { connection, sent } = rig({ onReset: fail });
  const open = connection.request(get(), true);
  connection.request(get(), true);
  sent();
  // Cancelled before a sign of life: its place is kept, and the other waits on.
  connection.reset(open, 8);
  expect(connection.openStreams).toBe(0);
  expect(() => connection.shutdown()).toThrow('handler threw');
  expect(connection.isClosed).toBe(true);
});

test('a shutdown wakes the transport though the handler throws', () => {
  const { connection, woken } = rig({ onReset: fail });
  connection.request(get(), true);
  connection.request(get(), true);
  const before = woken();
  expect(() => connection.shutdown()).toThrow('handler threw');
  expect(woken()).toBe(before + 1);
});

test('PNG-11 a cancelled request whose end the handler throws at is asked about all the same', () => {
  const { connection, sent, woken } = rig({ onStreamClosed: fail });
  const stream = connection.request(get(), true);
  sent();
  const before = woken();
  expect(() => connection.reset(stream, 8)).toThrow('handler threw');
  expect(sent().map(said => said.split(' ')[0])).toEqual(['RST_STREAM', 'PING']);
  expect(woken()).toBe(before + 1);
});

test.each([
  ['a response without a body', (c: Connection, stream: Stream) => c.respond(stream, 204, [], true)],
  ['trailers', (c: Connection, stream: Stream) => c.trailers(stream, ['grpc-status', '0'])],
])('%s wake the transport though the handler throws when it hears of the stream’s end', (what, send) => {
  const streams: Stream[] = [];
  const handler: Handler = { onRequest: stream => void streams.push(stream), onStreamClosed: fail };
  const connection = new Connection({ role: 'server', handler }, 0);
  connection.receive(concat(preface, settings(), settingsAck, headers(1, GET)), 0);
  const [stream] = streams as [Stream];
  if (what === 'trailers') connection.respond(stream, 200, [], false);
  connection.takeOutput();
  let wakes = 0;
  connection.wake = () => {
    wakes++;
  };
  expect(() => send(connection, stream)).toThrow('handler threw');
  expect(wakes).toBe(1);
  expect(parse(concat(...connection.takeOutput())).map(line)).toEqual([
    expect.stringMatching(/^HEADERS 1 .*END_STREAM/),
  ]);
});
