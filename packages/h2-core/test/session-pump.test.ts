import { expect, test } from 'vitest';
import { Connection, type Stream } from '../src/index.ts';
import { Pump } from '../src/node/index.ts';
import { now } from '../src/session/host.ts';
import { GET, goAway, headers, ping, rst, settings, windowUpdate } from './support/frames.ts';
import { turn } from './support/session.ts';
import { pumped, Wire } from './support/wire.ts';

test('whatever a turn produces leaves in one write', async () => {
  const streams: Stream[] = [];
  const { wire, connection } = pumped({ onRequest: stream => streams.push(stream) });
  await turn();
  wire.frames();
  expect(wire.called()).toEqual(['write']);
  wire.deliver(headers(1, GET), headers(3, GET));
  wire.deliver(headers(5, GET), ping([1, 2, 3, 4, 5, 6, 7, 8]));
  for (const stream of streams) connection.respond(stream, 200, [], true);
  await Promise.resolve();
  connection.ping(new Uint8Array(8));
  expect(wire.called()).toEqual([]);
  await turn();
  expect(wire.called()).toEqual(['write']);
  expect(wire.frames().length).toBe(5);
});

test('batches of DATA grow while the transport passes all of them on, and are small again when it does not', async () => {
  // SWN-20
  let stream: Stream | null = null;
  const { wire, connection } = pumped({
    onRequest: opened => {
      stream = opened;
    },
  });
  wire.deliver(windowUpdate(0, 2 ** 30), settings(4, 2 ** 30), headers(1, GET));
  await turn();
  wire.octets();
  const KiB = 1024;
  const batches = async (count: number): Promise<number[]> => {
    const sizes: number[] = [];
    for (let i = 0; i < count; i++) {
      await turn();
      sizes.push(Math.round(wire.octets() / (64 * KiB)) * 64);
    }
    return sizes;
  };
  connection.respond(stream as unknown as Stream, 200, [], false);
  connection.write(stream as unknown as Stream, new Uint8Array(16_384 * KiB), false);
  expect(await batches(5)).toEqual([256, 512, 1024, 1024, 1024]);
  wire.backlog = 1;
  expect(await batches(3)).toEqual([1024, 256, 256]);
  wire.backlog = 0;
  expect(await batches(3)).toEqual([256, 512, 1024]);
  wire.backlog = undefined;
  expect(await batches(3)).toEqual([1024, 256, 256]);
});

test('a full transport stops DATA and replies until it has drained, and reading never', async () => {
  // PNG-07, SWN-18
  let stream: Stream | null = null;
  const { wire, connection } = pumped({
    onRequest: opened => {
      stream = opened;
    },
  });
  wire.deliver(windowUpdate(0, 2 ** 30), settings(4, 2 ** 30), headers(1, GET));
  await turn();
  wire.called();
  wire.room = false;
  connection.respond(stream as unknown as Stream, 200, [], false);
  connection.write(stream as unknown as Stream, new Uint8Array(1_000_000), true);
  await turn();
  wire.deliver(ping([1, 2, 3, 4, 5, 6, 7, 8]));
  await turn();
  await turn();
  // One budget of DATA went; the rest, and the answer to PING, wait.
  expect(wire.called()).toEqual(['write']);
  wire.frames();
  wire.room = true;
  wire.sink?.drained();
  await turn();
  await turn();
  await turn();
  await turn();
  expect(wire.called().filter(call => call === 'write').length).toBeGreaterThan(1);
  const rest = wire.frames();
  expect(rest[0]).toMatch(/^PING/);
  expect(rest.at(-1)).toMatch(/^DATA 1 .*END_STREAM/);
  wire.sink?.drained();
  await turn();
  expect(wire.called()).toEqual([]);
});

test('a peer that floods with PING is not read while the answers cannot leave, and again when they have', async () => {
  // LIM-21
  const { wire } = pumped({}, { maxQueuedReplies: 10 });
  await turn();
  wire.called();
  wire.room = false;
  wire.deliver(ping([1, 2, 3, 4, 5, 6, 7, 8]));
  await turn();
  for (let i = 0; i < 12; i++) wire.deliver(ping([1, 2, 3, 4, 5, 6, 7, 8]));
  expect(wire.called()).toEqual(['write', 'pause']);
  wire.room = true;
  wire.sink?.drained();
  await turn();
  expect(wire.called()).toEqual(['write', 'resume']);
  expect(wire.frames().length).toBeGreaterThan(12);
});

test('a peer that resets what it asks for is not read for a while, and then again', async () => {
  // LIM-10
  const { wire } = pumped({}, { earlyResetPauseMs: 30 });
  await turn();
  wire.called();
  const resumed = new Promise<void>(done => {
    wire.resume = () => done();
  });
  for (let id = 1; id < 900; id += 2) wire.deliver(headers(id, GET), rst(id, 8));
  expect(wire.called()).toContain('pause');
  await resumed;
});

test('deadlines are kept by a timer: a silent client is told goodbye', async () => {
  // LIM-37
  const wire = new Wire();
  const ended = new Promise<string>(done => {
    const connection = new Connection(
      { role: 'server', prefaceTimeoutMs: 15, handler: { onClosed: error => done(error?.rule ?? 'clean') } },
      now(),
    );
    new Pump(wire, connection);
  });
  expect(await ended).toBe('preface.timeout');
  await turn();
  expect(wire.frames().at(-1)).toMatch(/GOAWAY.*preface.timeout/);
  expect(wire.called().slice(-2)).toEqual(['resume', 'end']);
});

test('the end of either side ends the other once', async () => {
  // GOA-16
  const { wire, connection } = pumped();
  await turn();
  wire.called();
  wire.deliver(goAway(0, 0));
  await turn();
  expect(wire.called()).toEqual(['write', 'resume', 'end']);
  expect(wire.frames().at(-1)).toMatch(/GOAWAY 0 0/);
  wire.sink?.closed(undefined);
  wire.deliver(ping([1, 2, 3, 4, 5, 6, 7, 8]));
  connection.destroy(0);
  await turn();
  // Both sides have ended: no timer is waited for to let the transport go.
  expect(wire.called()).toEqual(['destroy']);

  const other = pumped();
  await turn();
  other.wire.called();
  other.wire.isWritable = false;
  other.connection.ping(new Uint8Array(8));
  await turn();
  expect(other.connection.isClosed).toBe(true);
  expect(other.wire.called()).toEqual(['resume', 'end', 'destroy']);
});

test('the defect of a handler is passed on, and the peer is told INTERNAL_ERROR', async () => {
  const { wire } = pumped({
    onRequest: () => {
      throw new Error('a defect');
    },
  });
  expect(() => wire.deliver(headers(1, GET))).toThrow('a defect');
  await turn();
  expect(wire.frames().at(-1)).toBe('GOAWAY 1 2 handler failed');
  expect(wire.called().at(-1)).toBe('end');
});

test('a defect in one connection’s turn leaves the others theirs', async () => {
  const first = pumped();
  const second = pumped();
  await turn();
  second.wire.frames();
  first.wire.write = () => {
    throw new Error('a defect');
  };
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const defect = new Promise<Error>(resolve => process.once('uncaughtException', resolve));
  first.connection.ping(new Uint8Array(8));
  second.connection.ping(new Uint8Array(8));
  expect((await defect).message).toBe('a defect');
  for (const listener of listeners) process.on('uncaughtException', listener);
  await turn();
  expect(second.wire.frames()).toEqual(['PING']);
});
