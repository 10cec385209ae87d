import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connect } from '../src/session/client.ts';
import { type Driver, type DriverSink, H2Error, handshake, pair } from '../src/session/server.ts';
import { pattern, serving, turn } from './support/session.ts';

/** A small generator of numbers, so that one seed decides everything that happens on the way. */
class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 1;
  }

  /** 0 .. `below` - 1. */
  roll(below: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % below;
  }
}

/** A transport that cuts and joins what passes as the dice say, and sometimes claims to be full. */
class Mangler implements Driver, DriverSink {
  private readonly inner: Driver;
  private readonly dice: Dice;
  private sink: DriverSink | null = null;
  private kept: Uint8Array[] = [];

  constructor(inner: Driver, dice: Dice) {
    this.inner = inner;
    this.dice = dice;
  }

  start(sink: DriverSink): void {
    this.sink = sink;
    this.inner.start(this);
  }

  received(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const size = 1 + this.dice.roll(this.dice.roll(4) === 0 ? 8 : 4096);
      this.kept.push(chunk.slice(at, at + size));
      at += size;
    }
    if (this.dice.roll(3) !== 0) this.release();
    else setImmediate(() => this.release());
  }

  private release(): void {
    for (const chunk of this.kept.splice(0)) this.sink?.received(chunk);
  }

  closed(cause: unknown): void {
    this.release();
    this.sink?.closed(cause);
  }

  drained(): void {
    this.sink?.drained();
  }

  write(parts: readonly Uint8Array[]): boolean {
    const room = this.inner.write(parts);
    if (!room || this.dice.roll(4) !== 0) return room;
    setImmediate(() => this.sink?.drained());
    return false;
  }

  get isWritable(): boolean {
    return this.inner.isWritable;
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  end(flushed: () => void): void {
    this.inner.end(flushed);
  }

  destroy(): void {
    this.inner.destroy();
  }
}

const run = fc.record({
  seed: fc.integer(),
  streamWindow: fc.constantFrom(1, 7, 1000, 65_535, 1_048_576),
  connectionWindow: fc.constantFrom(65_535, 100_000, 4_194_304),
  maxFrameSize: fc.constantFrom(16_384, 65_536),
  maxConcurrentStreams: fc.integer({ min: 1, max: 20 }),
  maxSendBufferSize: fc.constantFrom(1, 1000, 262_144),
  requests: fc.array(
    fc.record({
      up: fc.nat(3000),
      down: fc.nat(6000),
      chunk: fc.integer({ min: 1, max: 3000 }),
      trailers: fc.boolean(),
      manual: fc.boolean(),
      give: fc.constantFrom('none', 'none', 'none', 'client', 'server'),
    }),
    { minLength: 1, maxLength: 24 },
  ),
});

test('two ends under random segmentation, windows, limits and resets: every body whole or its reset told, all freed', async () => {
  // ROB-01, ROB-03, SCH-02, SCH-12
  await fc.assert(
    fc.asyncProperty(run, async ({ seed, requests, streamWindow, connectionWindow, ...options }) => {
      const dice = new Dice(seed);
      const [left, right] = pair();
      // Segments of a few octets come faster than they can be read here; the limit on small frames has tests of its own.
      const dataFrameBudget = 0;
      const windows = {
        initialWindowSize: streamWindow,
        initialConnectionWindowSize: connectionWindow,
        dataFrameBudget,
      };
      const [server, client] = await Promise.all([
        handshake(new Mangler(left, dice), { ...windows, ...options }),
        connect(new Mangler(right, dice), { ...windows, ...options, authority: 'a.example' }),
      ]);
      const counts = { whole: 0, reset: 0 };

      serving(server, async ({ request, respond }) => {
        const plan = requests[Number(request.path.slice(1))];
        if (plan === undefined) throw new Error(`no plan for ${request.path}`);
        try {
          const { body } = request;
          const { flowControl } = body;
          if (plan.manual) flowControl.mode = 'manual';
          let received = 0;
          for await (const chunk of body) {
            expect(Buffer.compare(chunk, pattern(chunk.length, received))).toBe(0);
            received += chunk.length;
            if (plan.manual) for (let i = 0; i < chunk.length; i++) flowControl.release(1);
          }
          expect(received).toBe(plan.up);
          expect((await body.trailers())?.get('x-up') ?? null).toBe(plan.trailers ? `${plan.up}` : null);
          const out = respond.send({ headers: { 'x-down': plan.down } });
          if (plan.give === 'server') return respond.reset(5);
          for (let at = 0; at < plan.down; at += plan.chunk) {
            if (!out.write(pattern(Math.min(plan.chunk, plan.down - at), at))) await out.ready();
          }
          out.end();
        } catch (error) {
          if (!(error instanceof H2Error)) throw error;
          expect([plan.give, error.codeName]).toEqual(['client', 'CANCEL']);
        }
      });

      const ask = async (plan: (typeof requests)[number], i: number): Promise<void> => {
        await turn();
        const exchange = client.request({ method: 'POST', path: `/${i}`, endStream: false });
        try {
          for (let at = 0; at < plan.up; at += plan.chunk) {
            if (!exchange.body.write(pattern(Math.min(plan.chunk, plan.up - at), at))) await exchange.body.ready();
          }
          if (plan.trailers) exchange.body.trailers({ 'x-up': plan.up });
          else exchange.body.end();
          if (plan.give === 'client') {
            for (let turns = dice.roll(10); turns > 0; turns--) await turn();
            exchange.abort();
          }
          const { headers, body } = await exchange.response;
          expect(headers.get('x-down')).toBe(`${plan.down}`);
          expect(Buffer.compare(await body.bytes(), pattern(plan.down))).toBe(0);
          counts.whole++;
        } catch (error) {
          if (!(error instanceof H2Error)) throw error;
          expect([plan.give, error.codeName]).toEqual(
            plan.give === 'client' ? ['client', 'CANCEL'] : ['server', 'STREAM_CLOSED'],
          );
          counts.reset++;
        }
      };
      await Promise.all(requests.map(ask));

      expect(counts.whole + counts.reset).toBe(requests.length);
      await client.ping();
      await server.ping();
      await client.ping();
      expect([client.openStreams, server.openStreams]).toEqual([0, 0]);
      expect([client.unreleasedBytes, server.unreleasedBytes]).toEqual([0, 0]);
      expect((await client.shutdown()).cut).toEqual([]);
      expect((await server.closed).error).toBe(null);
    }),
    { numRuns: 20, verbose: 1 },
  );
}, 60_000);
