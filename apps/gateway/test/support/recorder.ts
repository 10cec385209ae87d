/** Stands where the exchange stands: takes requests from the listeners and records everything its legs tell. */
import type { FieldList } from '@glassway/h2-core';
import type { ClientLeg, ClientLegEvents, RequestMessage, Trailers } from '../../src/exchange/legs.ts';
import type { Reason } from '../../src/exchange/reason.ts';
import { type Listeners, type ListenersOptions, startListeners } from '../../src/listener/listeners.ts';
import { PATIENCE_MS, real } from './patience.ts';

/** What to do with a request, and with what follows. */
export type Behaviour = (exchange: Recorded) => void;

/** One request that reached the gateway. */
export class Recorded implements ClientLegEvents {
  readonly request: RequestMessage;
  readonly leg: ClientLeg;
  readonly chunks: Uint8Array[] = [];
  trailers: FieldList | null = null;
  /** The request was received to its end. */
  complete: boolean;
  aborted: Reason | null = null;
  finished = 0;
  writable = 0;
  /** Octets are given back as they come. */
  autoConsume = true;
  onChange: () => void = () => {};
  /** Called besides, to act on events. */
  hooks: Partial<ClientLegEvents> = {};

  constructor(request: RequestMessage, leg: ClientLeg) {
    this.request = request;
    this.leg = leg;
    this.complete = !request.hasBody;
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** The first value of a request field, null when absent. */
  field(name: string): string | null {
    const { fields } = this.request;
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]!;
    return null;
  }

  answer(status: number, body: string, fields: FieldList = []): void {
    this.leg.respond({ status, fields, sensitive: null }, body === '');
    if (body !== '') this.leg.write(Buffer.from(body), true);
  }

  onBody(chunk: Uint8Array, end: boolean): void {
    if (this.complete) throw new Error('body after the end');
    this.chunks.push(chunk);
    if (end) this.complete = true;
    if (this.autoConsume && chunk.length > 0) this.leg.consumed(chunk.length);
    this.hooks.onBody?.(chunk, end);
    this.onChange();
  }

  onTrailers(trailers: Trailers): void {
    if (this.complete) throw new Error('trailers after the end');
    this.trailers = trailers.fields;
    this.complete = true;
    this.hooks.onTrailers?.(trailers);
    this.onChange();
  }

  onWritable(): void {
    this.writable++;
    this.hooks.onWritable?.();
    this.onChange();
  }

  onAbort(why: Reason): void {
    if (this.aborted !== null || this.finished > 0) throw new Error('a call after the last one');
    this.aborted = why;
    this.leg.settled();
    this.hooks.onAbort?.(why);
    this.onChange();
  }

  onFinished(): void {
    if (this.aborted !== null || this.finished > 0) throw new Error('a call after the last one');
    this.finished++;
    this.leg.settled();
    this.hooks.onFinished?.();
    this.onChange();
  }
}

/** Listeners on loopback with everything that reached them. */
export class Harness {
  readonly exchanges: Recorded[] = [];
  listeners!: Listeners;
  readonly #waiters = new Set<() => void>();

  static async start(behaviour: Behaviour, options: Partial<ListenersOptions> = {}): Promise<Harness> {
    const harness = new Harness();
    harness.listeners = await startListeners({
      http: { port: 0 },
      ...options,
      accept: (request, leg) => {
        const exchange = new Recorded(request, leg);
        exchange.onChange = () => harness.#wake();
        leg.events = exchange;
        harness.exchanges.push(exchange);
        behaviour(exchange);
        harness.#wake();
      },
    });
    return harness;
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  /** Port of the cleartext listener. */
  get port(): number {
    return portOf(this.listeners.http);
  }

  /** Port of the TLS listener. */
  get tlsPort(): number {
    return portOf(this.listeners.https);
  }

  /** Waits until `holds`, looking again after everything the legs tell. */
  until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = (): void => {
        if (!holds()) return;
        real.clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve();
      };
      const timer = real.setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`waited in vain for ${what}`));
      }, PATIENCE_MS);
      this.#waiters.add(waiter);
    });
  }

  /** Waits for the n-th request, from 1. */
  async request(n = 1): Promise<Recorded> {
    await this.until(`request ${n}`, () => this.exchanges.length >= n);
    return this.exchanges[n - 1]!;
  }

  stop(): Promise<unknown> {
    return this.listeners.close(0);
  }
}

function portOf(address: Listeners['http']): number {
  if (address === null || 'path' in address) throw new Error('not listening on a port');
  return address.port;
}
