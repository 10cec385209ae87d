/** Many exchanges against backends that misbehave at random: each is told its end once, and nothing is left over. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend, BackendLeg, BackendLegEvents } from '../src/exchange/legs.ts';
import type { Reason } from '../src/exchange/reason.ts';
import { NO_TRACE, type Trace } from '../src/trace/trace.ts';
import { createBackend } from '../src/upstream/backend.ts';
import type { H2Pool } from '../src/upstream/h2/pool.ts';
import type { Http1Pool } from '../src/upstream/http1/pool.ts';
import { END_STREAM, frame, goAway, rst, ScriptedH2, settings, T } from './upstream-h2-kit.ts';
import { CANCELLED, eventually, RawBackend, type RawConnection, request, text, upload } from './upstream-kit.ts';

/** What the test does with one exchange: kind of request, and whether and when it is cancelled. */
interface Plan {
  readonly upload: boolean;
  readonly cancel: 'never' | 'at once' | 'when assigned' | 'at the head';
}

/** Checks the order of events of one exchange as the contract has it. */
class Checker implements BackendLegEvents {
  leg!: BackendLeg;
  readonly plan: Plan;
  state: 'waiting' | 'assigned' | 'responded' | 'over' | 'cancelled' = 'waiting';
  body = '';
  outcome = '';
  /** Cancelled with work to settle; and how often that was told. */
  toSettle = 0;
  settled = 0;
  readonly faults: string[] = [];

  constructor(plan: Plan) {
    this.plan = plan;
  }

  start(backend: Backend, index: number): void {
    const message = this.plan.upload ? upload(-1, { path: `/${index}` }) : request({ path: `/${index}` });
    this.leg = backend.send(message, this);
    if (this.plan.cancel === 'at once') this.#cancel();
    else if (this.plan.upload) this.leg.write(text('body'), true);
  }

  #cancel(): void {
    this.state = 'cancelled';
    this.outcome = 'cancelled';
    if (!this.leg.cancel(CANCELLED)) this.toSettle++;
  }

  #expect(event: string, ...states: (typeof this.state)[]): void {
    if (!states.includes(this.state)) this.faults.push(`${event} while ${this.state}`);
  }

  #over(outcome: string): void {
    this.state = 'over';
    this.outcome = outcome;
  }

  onAssigned(): void {
    // Again after an exchange was moved to a fresh connection.
    this.#expect('assigned', 'waiting', 'assigned');
    this.state = 'assigned';
    if (this.leg.connectionId === 0 || this.leg.streamId === 0) this.faults.push('assigned without numbers');
    if (this.plan.cancel === 'when assigned') this.#cancel();
  }
  onInformational(): void {
    this.#expect('informational', 'assigned');
  }
  onResponse(_: unknown, end: boolean): void {
    this.#expect('response', 'assigned');
    this.state = 'responded';
    if (end) this.#over('ok');
    else if (this.plan.cancel === 'at the head') this.#cancel();
  }
  onBody(chunk: Uint8Array, end: boolean): void {
    this.#expect('body', 'responded');
    this.body += Buffer.from(chunk).toString('latin1');
    this.leg.consumed(chunk.length);
    if (end) this.#over('ok');
  }
  onTrailers(): void {
    this.#expect('trailers', 'responded');
    this.#over('ok');
  }
  onWritable(): void {
    this.#expect('writable', 'assigned', 'responded');
  }
  onError(reason: Reason): void {
    this.#expect('error', 'waiting', 'assigned', 'responded');
    this.#over(reason.code);
  }
  onStopSending(): void {
    this.#expect('stop sending', 'assigned', 'responded', 'over');
  }
  onSettled(): void {
    this.#expect('settled', 'cancelled');
    this.settled++;
  }
}

/** Counts connections as the inspector would. */
function countingTrace(): { trace: Trace; open: Set<number>; running: Set<string> } {
  const open = new Set<number>();
  const running = new Set<string>();
  let next = 0;
  const trace: Trace = {
    ...NO_TRACE,
    connectionOpened: () => {
      open.add(++next);
      return next;
    },
    connectionClosed: id => {
      if (!open.delete(id)) throw new Error(`connection ${id} closed twice`);
    },
    http1Request: (id, ordinal) => void running.add(`${id}/${ordinal}`),
    http1End: (id, ordinal) => {
      if (!running.delete(`${id}/${ordinal}`)) throw new Error(`exchange ${id}/${ordinal} ended twice or never began`);
    },
  };
  return { trace, open, running };
}

const plans = fc.array(
  fc.record({
    upload: fc.boolean(),
    cancel: fc.constantFrom<Plan['cancel']>('never', 'never', 'never', 'at once', 'when assigned', 'at the head'),
  }),
  { minLength: 1, maxLength: 25 },
);

async function run(backend: Backend, wanted: readonly Plan[], faulty: readonly boolean[]): Promise<Checker[]> {
  const checkers = wanted.map(plan => new Checker(plan));
  for (const [index, checker] of checkers.entries()) {
    checker.start(backend, index);
    // Some share a turn, some do not.
    if (faulty[index % faulty.length] === true) await new Promise(resolve => setImmediate(resolve));
  }
  await eventually(() => checkers.every(checker => checker.outcome !== ''), 'the end of every exchange');
  return checkers;
}

describe('storm', () => {
  it('HTTP/1.1', async () => {
    const acts = [
      'ok',
      'ok',
      'ok',
      'chunked',
      'close',
      'half',
      'garbage',
      'reset',
      'early',
      'extra',
      'until close',
    ] as const;
    await fc.assert(
      fc.asyncProperty(
        plans,
        fc.array(fc.constantFrom(...acts), { minLength: 1, maxLength: 20 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        async (wanted, script, faulty, maxConnections) => {
          let step = 0;
          const perform = (connection: RawConnection): void => {
            const act = script[step++ % script.length]!;
            const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
            if (act === 'ok') connection.send(ok);
            else if (act === 'chunked')
              connection.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n');
            else if (act === 'close') connection.socket.end();
            else if (act === 'half') connection.socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok');
            else if (act === 'garbage') connection.send('nonsense\n\n');
            else if (act === 'reset') connection.socket.resetAndDestroy();
            else if (act === 'early') connection.send('HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 None\r\n\r\n');
            else if (act === 'extra') connection.send(`${ok}extra`);
            else connection.socket.end('HTTP/1.1 200 OK\r\n\r\nok');
          };
          const server = await new RawBackend(connection => {
            let heads = 0;
            connection.socket.on('data', () => {
              const seen = connection.received.split(' HTTP/1.1\r\n').length - 1;
              for (; heads < seen; heads++) perform(connection);
            });
          }).listen();
          const { trace, open, running } = countingTrace();
          const backend = createBackend(server.url, { maxConnections }, trace) as Http1Pool;
          try {
            const checkers = await run(backend, wanted, faulty);
            expect(checkers.flatMap(checker => checker.faults)).toEqual([]);
            for (const { outcome, body } of checkers) if (outcome === 'ok') expect(['ok', '']).toContain(body);
            expect(backend.counts.waiting).toBe(0);
            expect(running.size).toBe(0);
            await backend.close(0);
            expect(backend.counts).toMatchObject({ total: 0, idle: 0, connecting: 0 });
            expect(open.size).toBe(0);
          } finally {
            await backend.close(0);
            await server.close();
          }
        },
      ),
      { numRuns: 60, verbose: 1 },
    );
  });

  it('HTTP/2', async () => {
    const acts = [
      'ok',
      'ok',
      'ok',
      'trailers',
      'refuse',
      'reset',
      'half',
      'goaway',
      'goaway 0',
      'close',
      'malformed',
    ] as const;
    await fc.assert(
      fc.asyncProperty(
        plans,
        fc.array(fc.constantFrom(...acts), { minLength: 1, maxLength: 20 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        async (wanted, script, faulty, streams) => {
          let step = 0;
          const perform = (peer: ScriptedH2, stream: number): void => {
            const act = script[step++ % script.length]!;
            const ok = [peer.head(stream, 200), frame(T.DATA, END_STREAM, stream, Buffer.from('ok'))];
            if (act === 'ok') peer.send(...ok);
            else if (act === 'trailers') peer.send(peer.head(stream, 200), peer.trailers(stream, ['x-t', '1']));
            else if (act === 'refuse') peer.send(rst(stream, 7));
            else if (act === 'reset') peer.send(peer.head(stream, 200), rst(stream, 2));
            else if (act === 'half') peer.send(peer.head(stream, 200, ['content-length', '9']), ok[1]!);
            else if (act === 'goaway') peer.send(...ok, goAway(stream, 0));
            else if (act === 'goaway 0') peer.send(goAway(0, 0));
            else if (act === 'close') peer.connection.socket.destroy();
            else peer.send(peer.head(stream, 200, ['Bad', 'name'], END_STREAM));
          };
          const server = await new RawBackend(connection => {
            const peer = new ScriptedH2(connection);
            let handled = 0;
            peer.send(settings([3, streams]));
            connection.socket.on('data', () => {
              const frames = peer.read();
              for (; handled < frames.length; handled++) {
                const { type, stream } = frames[handled]!;
                if (type === T.HEADERS && !connection.socket.destroyed) perform(peer, stream);
              }
            });
          }).listen();
          const { trace, open } = countingTrace();
          const backend = createBackend(`h2c://127.0.0.1:${server.port}`, {}, trace) as H2Pool;
          try {
            const checkers = await run(backend, wanted, faulty);
            expect(checkers.flatMap(checker => checker.faults)).toEqual([]);
            for (const { outcome, body } of checkers) if (outcome === 'ok') expect(['ok', '']).toContain(body);
            expect(backend.counts).toMatchObject({ active: 0, waiting: 0 });
            await backend.close(0);
            expect(backend.counts).toMatchObject({ total: 0, connecting: 0 });
            expect(open.size).toBe(0);
          } finally {
            await backend.close(0);
            await server.close();
          }
        },
      ),
      { numRuns: 60, verbose: 1 },
    );
  });
});
