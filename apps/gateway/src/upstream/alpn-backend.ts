import { lasting } from '@glassway/h2-core';
import type { Backend, BackendLeg, BackendLegEvents, RequestMessage, Trailers } from '../exchange/legs.ts';
import type { Reason } from '../exchange/reason.ts';
import type { Trace } from '../trace/trace.ts';
import type { Dial, DialEvents, Dialing } from './dial.ts';
import { queueFull, shuttingDown } from './failure.ts';
import { H2Pool } from './h2/pool.ts';
import { Http1Pool } from './http1/pool.ts';
import type { ResolvedUpstreamOptions } from './options.ts';
import type { Target } from './target.ts';
import { type AlpnProtocol, dialTls, type TlsConnection } from './tls-dial.ts';
import { atTurnEnd, type TurnTask } from './turn.ts';

interface Unknown {
  readonly kind: 'unknown';
}
interface Negotiating {
  readonly kind: 'negotiating';
  readonly dialing: Dialing;
  readonly legs: Set<DeferredLeg>;
}
interface Known {
  readonly kind: 'known';
  readonly pool: Backend;
}
type State = Unknown | Negotiating | Known;

const UNKNOWN: Unknown = { kind: 'unknown' };

/**
 * An `https://` backend: the first connection finds out whether it speaks HTTP/2 or HTTP/1.1 (RFC 9113 3.2), and belongs to
 * the pool of that protocol, which serves everything from then on.
 */
export class AlpnBackend implements Backend {
  readonly url: string;
  readonly #target: Target;
  readonly #options: ResolvedUpstreamOptions;
  readonly #trace: Trace;
  #state: State = UNKNOWN;
  #closing = false;
  /** Pools of protocols the backend has since stopped speaking. */
  readonly #former: Backend[] = [];

  constructor(target: Target, options: ResolvedUpstreamOptions, trace: Trace) {
    this.url = target.url;
    this.#target = target;
    this.#options = options;
    this.#trace = trace;
  }

  send(request: RequestMessage, events: BackendLegEvents): BackendLeg {
    if (this.#state.kind === 'known') return this.#state.pool.send(request, events);
    const leg = new DeferredLeg(request, events, this.#options.sendHighWaterBytes, gone => this.#forget(gone));
    if (this.#closing) {
      leg.reject(shuttingDown(this.#target));
      return leg;
    }
    if (this.#state.kind === 'unknown') this.#state = this.#negotiate();
    const { legs } = this.#state;
    const { maxConnections, maxQueued } = this.#options;
    if (legs.size >= maxConnections + maxQueued) leg.reject(queueFull(this.#target, maxConnections, maxQueued));
    else legs.add(leg);
    this.#trace.backendWaits(this.url, 'connecting', 0);
    return leg;
  }

  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    const state = this.#state;
    if (state.kind === 'negotiating') {
      state.dialing.abort();
      this.#state = UNKNOWN;
      for (const leg of state.legs) leg.reject(shuttingDown(this.#target));
    }
    const pools = state.kind === 'known' ? [...this.#former, state.pool] : this.#former;
    await Promise.all(pools.map(pool => pool.close(deadlineMs)));
  }

  #negotiate(): Negotiating {
    const dialing = dialTls(
      this.#target,
      this.#options,
      ['h2', 'http/1.1'],
      connection => this.#learned(connection),
      failure => this.#failed(failure),
    );
    return { kind: 'negotiating', dialing, legs: new Set() };
  }

  #learned(connection: TlsConnection): void {
    const { legs } = this.#state as Negotiating;
    const { protocol } = connection;
    // Everybody who asked for it has left: in no pool, nobody would ever close it.
    if (legs.size === 0) connection.socket.destroy();
    const dial = this.#dialer(connection);
    const pool =
      protocol === 'h2'
        ? new H2Pool(this.#target, this.#options, this.#trace, dial)
        : new Http1Pool(this.#target, this.#options, this.#trace, dial);
    this.#state = { kind: 'known', pool };
    for (const leg of legs) leg.begin(pool);
  }

  #failed(failure: Reason): void {
    const { legs } = this.#state as Negotiating;
    this.#state = UNKNOWN;
    for (const leg of legs) leg.reject(failure);
  }

  #forget(leg: DeferredLeg): void {
    if (this.#state.kind === 'negotiating') this.#state.legs.delete(leg);
  }

  /** Hands out the connection that is already there, then dials for the same protocol. */
  #dialer(first: TlsConnection): Dial {
    const { protocol } = first;
    let spare: TlsConnection | null = first;
    return (events: DialEvents) => {
      const ready = spare;
      spare = null;
      if (ready !== null && !ready.socket.destroyed) return handOver(ready, events);
      return dialTls(
        this.#target,
        this.#options,
        [protocol],
        ({ socket, tls }) => events.onConnected(socket, tls),
        failure => {
          if (failure.code === 'backend_tls_failed') this.#unlearn(protocol);
          events.onDialFailed(failure);
        },
      );
    };
  }

  /** The backend may have been replaced by one that speaks something else: the next exchange finds out. */
  #unlearn(protocol: AlpnProtocol): void {
    if (this.#state.kind !== 'known') return;
    const { pool } = this.#state;
    if (pool instanceof H2Pool !== (protocol === 'h2')) return;
    this.#former.push(pool);
    this.#state = UNKNOWN;
    // Its open exchanges may finish; without new ones its connections end by themselves.
  }
}

function handOver({ socket, tls }: TlsConnection, events: DialEvents): Dialing {
  let aborted = false;
  process.nextTick(() => {
    if (!aborted) events.onConnected(socket, tls);
  });
  return {
    abort: () => {
      aborted = true;
      socket.destroy();
    },
  };
}

/** An exchange whose protocol is not known yet. Passes everything on once it is. */
class DeferredLeg implements BackendLeg, TurnTask {
  readonly #request: RequestMessage;
  readonly #events: BackendLegEvents;
  readonly #highWater: number;
  readonly #onGone: (leg: DeferredLeg) => void;
  #inner: BackendLeg | null = null;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #trailers: Trailers | null = null;
  #blocked = false;
  #done = false;
  #failure: Reason | null = null;

  constructor(
    request: RequestMessage,
    events: BackendLegEvents,
    highWater: number,
    onGone: (leg: DeferredLeg) => void,
  ) {
    this.#request = request;
    this.#events = events;
    this.#highWater = highWater;
    this.#onGone = onGone;
  }

  get connectionId(): number {
    return this.#inner === null ? 0 : this.#inner.connectionId;
  }

  get streamId(): number {
    return this.#inner === null ? 0 : this.#inner.streamId;
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    if (this.#inner !== null) return this.#inner.write(chunk, end);
    if (this.#done || this.#ended) return true;
    this.#chunks.push(lasting(chunk));
    this.#bytes += chunk.length;
    this.#ended = end;
    if (end || this.#bytes < this.#highWater) return true;
    this.#blocked = true;
    return false;
  }

  trailers(trailers: Trailers): void {
    if (this.#inner !== null) this.#inner.trailers(trailers);
    else this.#trailers = trailers;
  }

  cancel(why: Reason): boolean {
    this.#done = true;
    if (this.#inner !== null) return this.#inner.cancel(why);
    this.#onGone(this);
    return true;
  }

  consumed(bytes: number): void {
    this.#inner?.consumed(bytes);
  }

  /** The protocol is known. */
  begin(pool: Backend): void {
    const inner = pool.send(this.#request, this.#events);
    this.#inner = inner;
    let room = true;
    const last = this.#chunks.length - 1;
    for (let index = 0; index <= last; index++) {
      room = inner.write(this.#chunks[index]!, this.#ended && index === last);
    }
    this.#chunks = [];
    if (this.#trailers !== null) inner.trailers(this.#trailers);
    // Otherwise the inner leg tells when there is room.
    if (this.#blocked && room) atTurnEnd(this);
  }

  /** It will never be known. */
  reject(why: Reason): void {
    this.#done = true;
    this.#failure = why;
    atTurnEnd(this);
  }

  runTurn(): void {
    if (this.#failure !== null) this.#events.onError(this.#failure);
    else if (!this.#done) this.#events.onWritable();
  }
}
