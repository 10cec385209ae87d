import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Connection, ErrorCode, type Stream } from '../src/index.ts';
import { get } from './support/endpoint.ts';
import { concat } from './support/frames.ts';

/** mulberry32: a seed decides segmentation and interleaving, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Plan {
  readonly seed: number;
  readonly streamWindow: number;
  readonly budget: number;
  readonly uploads: readonly number[];
  readonly downloads: readonly number[];
  readonly resets: readonly boolean[];
}

/** Octet `i` of stream `id`'s body, so that a piece in the wrong place is seen. */
function octetOf(id: number, i: number): number {
  return (id * 31 + i * 7 + (i >>> 8)) & 0xff;
}

function body(id: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => octetOf(id, i));
}

interface Tally {
  bytes: number;
  ended: boolean;
  reset: boolean;
}

/** Runs the plan to its end over two connections that see each other's octets in random pieces. */
function run(plan: Plan): {
  server: Map<number, Tally>;
  client: Map<number, Tally>;
  open: number[];
  unreleased: number[];
} {
  const next = random(plan.seed);
  const tallies = { server: new Map<number, Tally>(), client: new Map<number, Tally>() };
  const held: { connection: () => Connection; stream: Stream; bytes: number }[] = [];
  const tally = (side: 'server' | 'client', stream: Stream): Tally => {
    let entry = tallies[side].get(stream.id);
    if (entry === undefined) {
      entry = { bytes: 0, ended: false, reset: false };
      tallies[side].set(stream.id, entry);
    }
    return entry;
  };
  const onData =
    (side: 'server' | 'client', connection: () => Connection) => (stream: Stream, chunk: Uint8Array, end: boolean) => {
      const entry = tally(side, stream);
      for (const value of chunk) {
        if (value !== octetOf(stream.id, entry.bytes))
          throw new Error(`octet ${entry.bytes} of stream ${stream.id} is wrong`);
        entry.bytes++;
      }
      entry.ended = end;
      // Released late and in any order: the windows have to survive a slow program.
      if (chunk.length > 0) held.push({ connection, stream, bytes: chunk.length });
    };
  const index = (stream: Stream): number => (stream.id - 1) / 2;
  const options = {
    initialWindowSize: plan.streamWindow,
    initialConnectionWindowSize: 65_535,
    maxConcurrentStreams: 4,
    idleTimeoutMs: 0,
  };
  const server: Connection = new Connection({
    role: 'server',
    ...options,
    handler: {
      onRequest: (stream, _head, end) => {
        tally('server', stream).ended = end;
        server.respond(stream, 200, ['x-stream', String(stream.id)], false);
        if (plan.resets[index(stream)] === true) server.reset(stream, ErrorCode.CANCEL);
        else server.write(stream, body(stream.id, plan.downloads[index(stream)] ?? 0), true);
      },
      onData: onData('server', () => server),
    },
  });
  const client: Connection = new Connection({
    role: 'client',
    ...options,
    handler: {
      onData: onData('client', () => client),
      onReset: stream => {
        tally('client', stream).reset = true;
      },
    },
  });
  // The client waits for the server's limit, so that no request is refused.
  server.receive(concat(...client.takeOutput()), 0);
  client.receive(concat(...server.takeOutput()), 0);
  const waiting = plan.uploads.map(size => ({
    stream: client.request({ ...get(), method: 'POST' }, size === 0),
    size,
  }));
  const wires: { from: Connection; to: Connection; queue: Uint8Array }[] = [
    { from: client, to: server, queue: new Uint8Array() },
    { from: server, to: client, queue: new Uint8Array() },
  ];
  for (let turn = 0, quiet = 0; quiet < 30; turn++) {
    if (turn > 200_000) throw new Error('the connections never come to rest');
    quiet++;
    // A body depends on its stream's number, which a request that waits for a slot does not have yet.
    for (const { stream, size } of waiting) {
      if (size === 0 || stream.id === 0 || stream.context !== null) continue;
      stream.context = 'written';
      client.write(stream, body(stream.id, size), true);
      quiet = 0;
    }
    for (const wire of wires) {
      const output = wire.from.takeOutput(plan.budget);
      if (output.length > 0) wire.queue = concat(wire.queue, ...output);
      const size = Math.min(wire.queue.length, 1 + Math.floor(next() * 3000));
      if (size === 0) continue;
      wire.to.receive(wire.queue.slice(0, size), turn);
      wire.queue = wire.queue.slice(size);
      quiet = 0;
    }
    while (held.length > 0 && next() < 0.5) {
      const [entry] = held.splice(Math.floor(next() * held.length), 1);
      if (entry !== undefined && entry.stream.unreleasedBytes >= entry.bytes)
        entry.connection().release(entry.stream, entry.bytes);
      quiet = 0;
    }
  }
  if (server.error !== null || client.error !== null) throw server.error ?? client.error;
  return {
    ...tallies,
    open: [server.openStreams, client.openStreams],
    unreleased: [server.unreleasedBytes, client.unreleasedBytes],
  };
}

describe('two endpoints', () => {
  test('every body arrives whole under random segmentation, windows and resets, and everything is freed', () => {
    // ROB-03, SWN-16, SCH-10, SCH-12, STA-16, CNC-04
    const size = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 40_000 }));
    const plan = fc.record({
      seed: fc.integer(),
      streamWindow: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1000, max: 100_000 })),
      budget: fc.constantFrom(1000, 16_384, 262_144),
      uploads: fc.array(size, { minLength: 1, maxLength: 8 }),
      downloads: fc.array(size, { minLength: 8, maxLength: 8 }),
      resets: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    });
    fc.assert(
      fc.property(plan, input => {
        // One-octet windows cost a frame per octet: keep such plans small.
        const scale = (n: number): number => (input.streamWindow < 1000 ? n % 600 : n);
        const sized = { ...input, uploads: input.uploads.map(scale), downloads: input.downloads.map(scale) };
        const result = run(sized);
        sized.uploads.forEach((upload, i) => {
          const id = i * 2 + 1;
          if (sized.resets[i] === true) {
            expect(result.client.get(id)?.reset).toBe(true);
          } else {
            expect(result.server.get(id)).toEqual({ bytes: upload, ended: true, reset: false });
            expect(result.client.get(id)).toEqual({ bytes: sized.downloads[i], ended: true, reset: false });
          }
        });
        expect(result.open).toEqual([0, 0]);
        expect(result.unreleased).toEqual([0, 0]);
      }),
      { numRuns: 60 },
    );
  });
});
