/**
 * A client and a server on a simulated clock, with everything that two honest endpoints may do to each other at the same
 * time: latency and segments of any size, settings that change on the way, priorities, pushes, trailers, resets from both
 * sides, padding, PINGs, slow readers, and all timeouts in force. What each of them sends is watched by a checker that has
 * windows and states of its own.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Connection, type Handler, type RequestHead, type Stream, UsageError } from '../src/index.ts';
import { auditConnection, concat, SimulatedClock, WireChecker } from '../src/testing/index.ts';
import { get } from './support/endpoint.ts';

/** mulberry32: one seed decides everything that chance has a part in. */
function dice(seed: number): (below: number) => number {
  let state = seed | 0;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Octet `at` of a body: what is lost, doubled or out of order shows. */
const octetAt = (key: number, at: number): number => (key * 37 + at * 11 + (at >>> 8)) & 0xff;
const body = (key: number, size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => octetAt(key, i));

/** What one side has heard of one message. */
interface Heard {
  octets: number;
  ended: boolean;
  reset: boolean;
  trailers: boolean;
}

const request = fc.record({
  up: fc.nat(20_000),
  down: fc.nat(40_000),
  trailers: fc.boolean(),
  push: fc.boolean(),
  reset: fc.constantFrom('no', 'no', 'no', 'no', 'client', 'server'),
  priority: fc.constantFrom('', 'u=0', 'u=7, i', 'i'),
});

const plan = fc.record({
  seed: fc.integer(),
  latency: fc.constantFrom(0, 1, 30, 400),
  slowness: fc.constantFrom(0, 20, 2000),
  window: fc.constantFrom(1000, 16_384, 65_535, 1_048_576),
  padding: fc.constantFrom('none' as const, { multipleOf: 64 }),
  changes: fc.nat(12),
  requests: fc.array(request, { minLength: 1, maxLength: 12 }),
});

type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

/** One side: its connection, what it heard, and the octets on their way to the other. */
class Side {
  readonly heard: Map<number, Heard> = new Map();
  readonly checker: WireChecker;
  connection!: Connection;
  other!: Side;
  private arrival = 0;
  private armed = Number.POSITIVE_INFINITY;
  private readonly clock: SimulatedClock;
  private readonly roll: (below: number) => number;
  private readonly plan: Plan;

  constructor(role: 'client' | 'server', clock: SimulatedClock, roll: (below: number) => number, plan: Plan) {
    this.clock = clock;
    this.roll = roll;
    this.plan = plan;
    this.checker = new WireChecker(role);
  }

  of(id: number): Heard {
    const entry = this.heard.get(id) ?? { octets: 0, ended: false, reset: false, trailers: false };
    this.heard.set(id, entry);
    return entry;
  }

  /** What both sides do about what they hear. `key` says whose octets a stream carries. */
  handler(key: (stream: Stream) => number): Handler {
    return {
      onData: (stream, chunk, end) => {
        const entry = this.of(stream.id);
        for (const octet of chunk) {
          if (octet !== octetAt(key(stream), entry.octets++)) throw new Error(`octet of stream ${stream.id}`);
        }
        entry.ended ||= end;
        if (chunk.length === 0) return;
        // A slow program: octets go back later, one chunk before or after another.
        const later = (): void => {
          if (stream.unreleasedBytes >= chunk.length) this.connection.release(stream, chunk.length);
        };
        if (this.plan.slowness === 0) later();
        else this.clock.setTimer(later, this.roll(this.plan.slowness));
      },
      onTrailers: stream => {
        Object.assign(this.of(stream.id), { ended: true, trailers: true });
      },
      onReset: stream => {
        this.of(stream.id).reset = true;
      },
    };
  }

  /** Takes what there is to send and puts it on its way; sets the timer for the next deadline. */
  flush(): void {
    const { clock, connection, other, plan, roll } = this;
    const octets = concat(...connection.takeOutput(1 + roll(40_000), clock.now()));
    this.checker.sent(octets);
    auditConnection(connection);
    for (let at = 0; at < octets.length; ) {
      const size = 1 + roll(roll(3) === 0 ? 10 : 6000);
      const segment = octets.slice(at, at + size);
      at += size;
      this.arrival = Math.max(this.arrival, clock.now() + plan.latency + roll(plan.latency + 1));
      clock.setTimer(() => other.receive(segment), this.arrival - clock.now());
    }
    if (connection.wantsWrite) clock.setTimer(() => this.flush(), 1);
    const next = connection.nextTimeout();
    if (next >= this.armed) return;
    this.armed = next;
    clock.setTimer(() => {
      this.armed = Number.POSITIVE_INFINITY;
      connection.handleTimeout(clock.now());
      this.flush();
    }, next - clock.now());
  }

  private receive(segment: Uint8Array): void {
    this.checker.received(segment);
    this.connection.receive(segment, this.clock.now());
    this.flush();
  }
}

const head = (index: number, priority: string): RequestHead => ({
  ...get(`/${index}`),
  method: 'POST',
  fields: priority === '' ? [] : ['priority', priority],
});

/** Changes of settings that an endpoint may make at any time. */
function change({ connection }: Side, roll: (below: number) => number): void {
  const pairs: readonly (readonly [number, number])[] = [
    [4, [1000, 20_000, 65_535, 500_000][roll(4)] as number],
    [1, [0, 100, 4096][roll(3)] as number],
    [5, [16_384, 20_000, 100_000][roll(3)] as number],
    [3, 1 + roll(20)],
  ];
  const what = roll(6);
  if (what < 4) connection.updateSettings(pairs[what] as readonly [number, number]);
  else if (what === 4) connection.setTargetWindowSize(65_535 + roll(1_000_000));
  else connection.ping(new Uint8Array(8));
}

/** Runs a plan until nothing is left to happen; gives both sides. */
function live(given: Plan): { client: Side; server: Side; streams: readonly Stream[]; pushed: Map<number, number> } {
  const clock = new SimulatedClock();
  const roll = dice(given.seed);
  const client = new Side('client', clock, roll, given);
  const server = new Side('server', clock, roll, given);
  client.other = server;
  server.other = client;
  const pushed = new Map<number, number>();
  const options = {
    initialWindowSize: given.window,
    initialConnectionWindowSize: 65_535,
    maxConcurrentStreams: 6,
    padding: given.padding,
    keepaliveIntervalMs: 3000,
  };
  const indexOf = (stream: Stream): number => Number((stream.context as RequestHead).path.slice(1));
  const heard = server.handler(indexOf);
  const promise = (parent: Stream, index: number): void => {
    try {
      const promised = server.connection.push(parent, get(`/pushed/${index}`));
      pushed.set(promised.id, index);
      server.connection.respond(promised, 200, [], false);
      server.connection.write(promised, body(index, 500), true);
    } catch (error) {
      // More pushes than the client takes at once.
      if (!(error instanceof UsageError)) throw error;
    }
  };
  server.connection = new Connection(
    {
      ...options,
      role: 'server',
      handler: {
        ...heard,
        onRequest: (stream, asked, end) => {
          stream.context = asked;
          server.of(stream.id).ended = end;
          const index = indexOf(stream);
          const { down, push, reset } = given.requests[index] as Plan['requests'][number];
          if (push) promise(stream, index);
          server.connection.respond(stream, 200, [], false);
          server.connection.write(stream, body(index, down), true);
          if (reset === 'server') clock.setTimer(() => server.connection.reset(stream, 2), roll(500));
        },
      },
    },
    0,
  );
  client.connection = new Connection(
    {
      ...options,
      role: 'client',
      handler: {
        ...client.handler(stream =>
          stream.id % 2 === 0 ? Number((stream.context as string).slice(8)) : indexOf(stream),
        ),
        onSettings: () => {
          if (streams.length === 0) ask();
        },
        onPush: (_, promised, asked) => {
          promised.context = asked.path;
        },
      },
    },
    0,
  );
  const streams: Stream[] = [];
  // The client waits for the server's limit, so that no request is refused.
  const ask = (): void => {
    for (const [index, { up, trailers, reset, priority }] of given.requests.entries()) {
      const asked = head(index, priority);
      const stream = client.connection.request(asked, false, asked);
      streams.push(stream);
      client.connection.write(stream, body(index, up), !trailers);
      if (trailers) client.connection.trailers(stream, ['x-end', String(index)]);
      if (reset === 'client') clock.setTimer(() => client.connection.reset(stream, 8), roll(500));
    }
  };
  for (let i = 0; i < given.changes; i++) {
    const side = roll(2) === 0 ? client : server;
    clock.setTimer(() => {
      change(side, roll);
      side.flush();
    }, roll(3000));
  }
  client.flush();
  server.flush();
  const done = (): boolean => client.connection.openStreams + server.connection.openStreams === 0 && clock.now() > 3500;
  // SCH-12: ten minutes are far more than any plan needs, far less than a stream that waits for ever takes.
  for (let steps = 0; !done(); steps++) {
    if (clock.now() > 600_000 || steps > 300_000) throw new Error(`not done at ${clock.now()} ms`);
    clock.step(clock.nextAt - clock.now());
    client.flush();
    server.flush();
  }
  client.connection.shutdown();
  client.flush();
  for (let steps = 0; !(client.connection.isClosed && server.connection.isClosed) && steps < 10_000; steps++) {
    if (clock.nextAt === Number.POSITIVE_INFINITY) break;
    clock.step(clock.nextAt - clock.now());
  }
  return { client, server, streams, pushed };
}

test('two honest endpoints never fall out, lose an octet or wait for ever, whatever they change on the way', () => {
  // ROB-03, ROB-05, SCH-02, SCH-10, SCH-12, SET-06, SWN-06, SWN-22, RWN-09, CNC-03, PSH-02
  let octets = 0;
  fc.assert(
    fc.property(plan, given => {
      const { client, server, streams, pushed } = live(given);
      expect([client.connection.error, server.connection.error]).toEqual([null, null]);
      for (const [index, { up, down, trailers, reset }] of given.requests.entries()) {
        const { id } = streams[index] as Stream;
        const [asked, answered] = [server.of(id), client.of(id)];
        if (reset !== 'no') {
          // A reset may come too late to matter; what came until then is right either way.
          expect(asked.octets).toBeLessThanOrEqual(up);
          expect(answered.octets).toBeLessThanOrEqual(down);
          continue;
        }
        expect([index, asked]).toEqual([index, { octets: up, ended: true, reset: false, trailers }]);
        expect([index, answered]).toEqual([index, { octets: down, ended: true, reset: false, trailers: false }]);
        octets += up + down;
      }
      for (const [id, index] of pushed) {
        if (given.requests[index]?.reset === 'no') expect(client.of(id)).toMatchObject({ octets: 500, ended: true });
      }
      for (const { connection, checker } of [client, server]) {
        expect([connection.openStreams, connection.unreleasedBytes]).toEqual([0, 0]);
        checker.expectWhole();
      }
    }),
    { numRuns: 15, interruptAfterTimeLimit: 15_000 },
  );
  expect(octets).toBeGreaterThan(50_000);
});
