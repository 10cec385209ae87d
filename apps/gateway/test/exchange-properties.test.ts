/**
 * The exchange under any order of events that two legs may legally produce: a model plays both legs at random and
 * checks, at every call the exchange makes, that the call is legal, and at the end that nothing was lost or kept.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_POOL } from '../src/config/pool-settings.ts';
import { accept, type ExchangeContext } from '../src/exchange/exchange.ts';
import type {
  Backend,
  BackendLeg,
  BackendLegEvents,
  ClientLeg,
  ClientLegEvents,
  RequestMessage,
  ResponseMessage,
} from '../src/exchange/legs.ts';
import { type Reason, reason } from '../src/exchange/reason.ts';
import { Router } from '../src/routing/router.ts';
import { NO_TRACE } from '../src/trace/trace.ts';
import { Pool } from '../src/upstream/pool.ts';
import { FACTS, request, routeTo } from './exchange-fakes.ts';

/** What the generator decides; meaning depends on what is legal at that moment. */
type Step = { readonly kind: string; readonly size: number; readonly flag: boolean };

class ModelClient implements ClientLeg {
  readonly facts = FACTS;
  events!: ClientLegEvents;
  /** How full the leg claims to be: the next writes answer false. */
  isFull = false;
  responded = false;
  ended = false;
  isReset = false;
  declined = false;
  over = false;
  received = '';
  given = 0;
  sent = '';
  sentEnd = false;
  isSettled = false;

  inform(): void {
    expect(this.responded).toBe(false);
  }

  respond(_: ResponseMessage, end: boolean): void {
    expect(this.responded || this.over).toBe(false);
    this.responded = true;
    this.ended = end;
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    this.#mayWrite();
    this.received += String.fromCharCode(...chunk);
    this.ended = end;
    return end || !this.isFull;
  }

  trailers(): void {
    this.#mayWrite();
    this.ended = true;
  }

  reset(why: Reason): void {
    expect(this.isReset).toBe(false);
    if (why.code === 'upload_stopped') {
      expect(this.ended).toBe(true);
      expect(this.declined || this.sentEnd).toBe(false);
      this.declined = true;
    } else {
      expect(this.responded && !this.ended).toBe(true);
      this.isReset = true;
    }
  }

  consumed(bytes: number): void {
    this.given += bytes;
    expect(this.given).toBeLessThanOrEqual(this.sent.length);
  }

  settled(): void {
    expect(this.isSettled).toBe(false);
    this.isSettled = true;
  }

  #mayWrite(): void {
    expect(this.responded).toBe(true);
    expect(this.ended || this.isReset || this.over).toBe(false);
  }
}

class ModelLeg implements BackendLeg {
  connectionId = 0;
  streamId = 0;
  readonly events: BackendLegEvents;
  isFull = false;
  /** Cancelled or failed. */
  over = false;
  /** `onSettled` is still to come. */
  settles = false;
  assigned = false;
  responded = false;
  ended = false;
  received = '';
  receivedEnd = false;
  sent = 0;
  given = 0;

  constructor(events: BackendLegEvents) {
    this.events = events;
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    expect(this.over || this.receivedEnd || !this.assigned).toBe(false);
    this.received += String.fromCharCode(...chunk);
    this.receivedEnd = end;
    return end || !this.isFull;
  }

  trailers(): void {
    expect(this.over || this.receivedEnd || !this.assigned).toBe(false);
    this.receivedEnd = true;
  }

  cancel(): boolean {
    expect(this.over).toBe(false);
    expect(this.ended && this.receivedEnd).toBe(false);
    this.over = true;
    this.settles = this.sent % 2 === 0;
    return !this.settles;
  }

  consumed(bytes: number): void {
    expect(this.over).toBe(false);
    this.given += bytes;
    expect(this.given).toBeLessThanOrEqual(this.sent);
  }
}

/** One exchange between models, driven step by step. */
class Run {
  readonly client = new ModelClient();
  readonly legs: ModelLeg[] = [];
  readonly message: RequestMessage;
  readonly pool: Pool;
  readonly context: ExchangeContext;
  records = 0;
  #next = 0;

  constructor(hasBody: boolean, backends: number) {
    this.message = request({ method: 'POST', hasBody });
    this.client.sentEnd = !hasBody;
    const make = (): Backend => ({
      url: 'http://model.test',
      send: (_, events) => {
        const leg = new ModelLeg(events);
        this.legs.push(leg);
        return leg;
      },
      close: async () => {},
    });
    const pool = Pool.of('test', Array.from({ length: backends }, make));
    this.pool = pool;
    this.context = {
      router: new Router([routeTo(pool)]),
      heldBytes: 0,
      maxHeldBytes: 0,
      policy: { pseudonym: 'gw', isTrusted: () => false },
      trace: NO_TRACE,
      records: { write: () => void this.records++, event: () => {} },
      reasonHeader: '',
      tunnels: new Set(),
      open: new Set(),
      tracer: null,
      clock: () => 0,
    };
    accept(this.context, this.message, this.client);
  }

  get leg(): ModelLeg {
    return this.legs.at(-1)!;
  }

  take({ kind, size, flag }: Step): void {
    const { client, leg } = this;
    const clientLive = !client.over;
    const legLive = !leg.over && !leg.ended;
    switch (kind) {
      case 'client.body':
        if (clientLive && !client.sentEnd && !client.declined) this.#clientBody(size, flag);
        break;
      case 'client.trailers':
        if (!clientLive || client.sentEnd || client.declined) break;
        client.sentEnd = true;
        client.events.onTrailers({ fields: ['a', 'b'], sensitive: null });
        break;
      case 'client.full':
        client.isFull = true;
        break;
      case 'client.writable':
        client.isFull = false;
        if (clientLive && client.responded) client.events.onWritable();
        break;
      case 'client.abort':
        if (!clientLive) break;
        client.over = true;
        client.events.onAbort(reason('client_reset', 'gone'));
        break;
      case 'client.finished':
        if (!clientLive || !(client.ended || client.isReset)) break;
        client.over = true;
        client.events.onFinished();
        break;
      case 'leg.assigned':
        if (legLive) this.#assign();
        break;
      case 'leg.response':
        if (!legLive || leg.responded) break;
        this.#assign();
        leg.responded = true;
        leg.ended = flag;
        leg.events.onResponse({ status: 200, fields: [], sensitive: null }, flag);
        break;
      case 'leg.body':
        if (!legLive || !leg.responded) break;
        leg.sent += size;
        leg.ended = flag;
        leg.events.onBody(new Uint8Array(size).fill(0x62), flag);
        break;
      case 'leg.trailers':
        if (!legLive || !leg.responded) break;
        leg.ended = true;
        leg.events.onTrailers({ fields: ['a', 'b'], sensitive: null });
        break;
      case 'leg.inform':
        if (legLive && leg.assigned && !leg.responded) {
          leg.events.onInformational({ status: 103, fields: [], sensitive: null });
        }
        break;
      case 'leg.full':
        leg.isFull = true;
        break;
      case 'leg.writable':
        leg.isFull = false;
        if (legLive) leg.events.onWritable();
        break;
      case 'leg.stop':
        if (legLive && leg.responded) leg.events.onStopSending();
        break;
      case 'leg.error':
        if (!legLive) break;
        leg.over = true;
        leg.events.onError(
          reason(flag ? 'backend_refused_stream' : 'backend_refused', 'no', {
            retryable: size % 2 === 0 && !leg.responded,
          }),
        );
        break;
      default:
        throw new Error(kind);
    }
  }

  #assign(): void {
    const { leg } = this;
    if (leg.assigned) return;
    leg.assigned = true;
    leg.connectionId = 9;
    leg.streamId = this.legs.length;
    leg.events.onAssigned();
  }

  #clientBody(size: number, end: boolean): void {
    const { client } = this;
    const chunk = Uint8Array.from({ length: size }, () => 0x41 + (this.#next++ % 26));
    client.sent += String.fromCharCode(...chunk);
    client.sentEnd = end;
    client.events.onBody(chunk, end);
  }

  /** Brings whatever is open to its end, as real legs would. */
  finish(): void {
    const step = (kind: string, flag = true): void => this.take({ kind, size: 1, flag });
    step('leg.writable');
    step('client.writable');
    step('leg.response', false);
    step('leg.body');
    step('client.body');
    step('client.writable');
    step('leg.writable');
    step('client.finished');
  }
}

const KINDS = [
  ['client.body', 6],
  ['client.trailers', 1],
  ['client.full', 2],
  ['client.writable', 2],
  ['client.abort', 1],
  ['client.finished', 1],
  ['leg.assigned', 3],
  ['leg.response', 3],
  ['leg.body', 6],
  ['leg.trailers', 1],
  ['leg.inform', 1],
  ['leg.full', 2],
  ['leg.writable', 2],
  ['leg.stop', 1],
  ['leg.error', 1],
] as const;

describe('property: whatever two legs do', () => {
  const kind = fc.oneof(...KINDS.map(([value, weight]) => ({ arbitrary: fc.constant(value as string), weight })));
  const step = fc.record({ kind, size: fc.integer({ min: 0, max: 9 }), flag: fc.boolean() });

  it('every call on a leg is legal, nothing is lost, nothing is kept, and there is one record', () => {
    const seen = { retried: 0, declined: 0, reset: 0, aborted: 0, whole: 0 };
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 40 }),
        (hasBody, backends, steps) => {
          const run = new Run(hasBody, backends);
          for (const each of steps) run.take(each);
          run.finish();
          const { client, legs, leg } = run;

          // What a backend still does counts until it has heard that nobody wants it.
          const busy = legs.filter(each => each.settles);
          expect(client.isSettled).toBe(busy.length === 0);
          for (const each of busy) each.events.onSettled();
          expect(client.isSettled).toBe(true);

          expect(legs.length).toBeLessThanOrEqual(DEFAULT_POOL.retries.attempts);
          expect(run.records).toBe(1);
          expect([run.context.heldBytes, run.pool.inFlight, run.pool.members.map(({ inFlight }) => inFlight)]).toEqual([
            0,
            0,
            Array(run.pool.members.length).fill(0),
          ]);
          for (const each of legs) expect(client.sent.startsWith(each.received)).toBe(true);
          // All attempts but the last have seen nothing of the body: it can only be sent once.
          for (const each of legs.slice(0, -1)) expect(each.received).toBe('');
          if (!client.isReset && client.responded && client.ended && leg.ended) {
            expect(client.received.length).toBe(leg.sent);
            if (!leg.over) expect(leg.given).toBe(leg.sent);
          }
          if (client.ended && !client.isReset) expect(client.given).toBe(client.sent.length);

          if (legs.length > 1) seen.retried++;
          if (client.declined) seen.declined++;
          else if (client.isReset) seen.reset++;
          else if (!client.responded) seen.aborted++;
          else if (leg.ended && leg.received === client.sent) seen.whole++;
        },
      ),
      { numRuns: 4000 },
    );
    // The generator reaches every kind of end, or this property holds nothing.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });
});
