import { expect, onTestFinished, test } from 'vitest';
import type { CoreOptions, RuleId } from '../../src/index.ts';
import { type Driver, type DriverSink, handshake, type ServerConnection } from '../../src/session/server.ts';
import { concat, GET, headers, line, parse, preface, rst, settings, settingsAck } from '../support/frames.ts';
import { GREATEST, limit, times } from '../support/limit.ts';
import { turn } from '../support/session.ts';

/** A transport whose other end is the test. */
class Wire implements Driver {
  readonly written: Uint8Array[] = [];
  readonly isWritable = true;
  sink: DriverSink | null = null;

  start(sink: DriverSink): void {
    this.sink = sink;
  }
  write(parts: readonly Uint8Array[]): boolean {
    for (const part of parts) this.written.push(part.slice());
    return true;
  }
  pause(): void {}
  resume(): void {}
  end(flushed: () => void): void {
    flushed();
  }
  destroy(): void {}

  /** What was sent, as lines. */
  get sent(): string[] {
    return parse(concat(...this.written)).map(line);
  }
}

interface Accepting {
  readonly wire: Wire;
  readonly server: ServerConnection;
  receive(...parts: Uint8Array[]): void;
}

/** A server that nobody calls `accept` of. */
async function accepting(options: CoreOptions): Promise<Accepting> {
  const wire = new Wire();
  const shaken = handshake(wire, options);
  const receive = (...parts: Uint8Array[]): void => wire.sink?.received(concat(...parts));
  receive(preface, settings(), settingsAck);
  const server = await shaken;
  onTestFinished(() => server.destroy());
  return { wire, server, receive };
}

const ended = (rule: RuleId): RegExp => new RegExp(`^GOAWAY \\d+ 11 ${rule}$`);

/** `count` requests that nobody accepts. */
async function waiting(count: number, options: CoreOptions): Promise<string[]> {
  const { wire, server, receive } = await accepting(options);
  receive(...times(count, i => headers(1 + i * 2, GET)));
  await turn();
  expect(server.isClosed).toBe(false);
  return wire.sent.filter(frame => frame.startsWith('RST_STREAM'));
}

// CNC-01, GOA-04
limit('maxPendingAccept', {
  below: async () => expect(await waiting(4, { maxPendingAccept: 5 })).toEqual([]),
  at: async () => expect(await waiting(5, { maxPendingAccept: 5 })).toEqual([]),
  above: async () => expect(await waiting(6, { maxPendingAccept: 5 })).toEqual(['RST_STREAM 11 7']),
  async burst() {
    const { wire, server, receive } = await accepting({ maxPendingAccept: 5 });
    for (const id of times(100, i => 1 + i * 2)) {
      receive(headers(id, GET));
      (await server.accept())?.respond.send({ status: 204 }, { endStream: true });
    }
    await turn();
    expect(wire.sent.filter(frame => frame.startsWith('RST_STREAM'))).toEqual([]);
  },
  off: async () =>
    expect(await waiting(3000, { maxPendingAccept: GREATEST, maxConcurrentStreams: GREATEST })).toEqual([]),
});

/** `count` requests reset before anybody has accepted them. */
async function resetWaiting(count: number, maxPendingAcceptResetStreams: number): Promise<Accepting> {
  const made = await accepting({ maxPendingAcceptResetStreams, earlyResetPauseMs: 0 });
  for (const id of times(count, i => 1 + i * 2)) made.receive(headers(id, GET), rst(id, 8));
  await turn();
  return made;
}

// RST-07, LIM-11: CVE-2023-26964
limit('maxPendingAcceptResetStreams', {
  async below() {
    const { server } = await resetWaiting(19, 20);
    expect(server.isClosed).toBe(false);
    expect(server.pendingAccept).toBe(0);
  },
  async at() {
    const { server, wire } = await resetWaiting(20, 20);
    expect(wire.sent.at(-1)).toMatch(ended('accept.resets'));
    expect((await server.closed).error).toMatchObject({ rule: 'accept.resets', scope: 'connection', code: 11 });
  },
  async above() {
    const { server, wire } = await resetWaiting(30, 20);
    expect(server.isClosed).toBe(true);
    expect(wire.sent.at(-1)).toMatch(ended('accept.resets'));
  },
  async burst() {
    // Those that are accepted meanwhile take the dead before them off the count.
    const { server, receive } = await accepting({ maxPendingAcceptResetStreams: 20, earlyResetPauseMs: 0 });
    for (const at of times(100, i => 1 + i * 40)) {
      for (const id of times(19, i => at + i * 2)) receive(headers(id, GET), rst(id, 8));
      receive(headers(at + 38, GET));
      (await server.accept())?.respond.send({ status: 204 }, { endStream: true });
    }
    expect(server.isClosed).toBe(false);
  },
  async off() {
    const { server } = await resetWaiting(3000, 0);
    expect(server.isClosed).toBe(false);
    expect(server.pendingAccept).toBe(0);
  },
});

test('the tap hears of it before GOAWAY is written', async () => {
  // LIM-40
  const log: string[] = [];
  const tap = new Proxy(
    {},
    {
      get: (_, name) => (first: unknown, second: unknown, third: unknown) =>
        log.push([name, first, second, third].join(' ')),
    },
  ) as never;
  const { receive } = await accepting({ maxPendingAcceptResetStreams: 1, tap } as CoreOptions);
  receive(headers(1, GET), rst(1, 8));
  const violation = log.findIndex(entry => entry.startsWith('onViolation accept.resets'));
  const goAway = log.findIndex(entry => entry.startsWith('onGoAway 1'));
  expect(violation).toBeGreaterThan(0);
  expect(goAway).toBeGreaterThan(violation);
});
