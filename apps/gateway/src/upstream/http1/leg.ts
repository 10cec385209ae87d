import { lasting } from '@glassway/h2-core';
import type { BackendLeg, BackendLegEvents, RequestMessage, Trailers } from '../../exchange/legs.ts';
import { type Reason, reason } from '../../exchange/reason.ts';
import { IDEMPOTENT } from '../../exchange/retry.ts';
import type { Pace, Paced } from '../progress.ts';
import { atTurnEnd, type TurnTask } from '../turn.ts';
import type { Waiter } from '../waiting.ts';
import type { Http1Connection } from './connection.ts';
import type { Http1Pool } from './pool.ts';
import { lastChunk, RequestFraming, requestFraming } from './request-head.ts';

/** Where an exchange stands on this leg. */
export const LegPhase = { WAITING: 0, ON_CONNECTION: 1, DONE: 2 } as const;
/** One of `LegPhase`. */
export type LegPhase = (typeof LegPhase)[keyof typeof LegPhase];

/**
 * One exchange on the HTTP/1.1 side: the request on its way out and what the connection must know about the response.
 * While it is on a connection it *is* that connection's `busy` state.
 */
export class Http1Leg implements BackendLeg, TurnTask, Waiter, Paced {
  readonly kind = 'busy';
  readonly request: RequestMessage;
  readonly events: BackendLegEvents;
  readonly framing: RequestFraming;
  connectionId = 0;
  streamId = 0;
  phase: LegPhase = LegPhase.WAITING;
  connection: Http1Connection | null = null;
  /** When it began to wait for a connection, ms. */
  waitingSince = 0;
  place = -1;
  /** It was put on a second connection after an idle one had died; once is enough. */
  resent = false;

  /** The head was handed to the socket. */
  headSent = false;
  /** Octets of the body were handed to the socket. */
  bodyBegun = false;
  /** The caller has given the whole request. */
  ended: boolean;
  /** The whole request was handed to the socket. */
  endSent = false;
  /** The WebSocket key we made, empty when the client brought its own. */
  upgradeKey = '';
  /** The upgrade was accepted: body octets are the tunnel's. */
  tunnelOpen = false;

  /** At least one octet of a response was read. */
  sawOctets = false;
  /** The final head was passed on. */
  responded = false;
  /** Response octets passed on and not yet given back. */
  unconsumed = 0;
  /** Last time the exchange moved in the direction we wait for, ms. */
  progressAt = 0;
  /** A head or octets of a body were read in this turn: what is only part of a head, or frames a chunk, is no progress. */
  moved = false;
  pace: Pace | null = null;
  announced = false;
  received = 0;
  /** When it found its connection, ms; only kept where the total time is limited. */
  startedAt = 0;

  readonly #pool: Http1Pool;
  #out: Uint8Array[] | null = null;
  #outBytes = 0;
  #accepted = 0;
  #trailers: Trailers | null = null;
  #blocked = false;
  #stopped = false;
  #listed = false;
  #announced = false;
  #failure: Reason | null = null;

  constructor(pool: Http1Pool, request: RequestMessage, events: BackendLegEvents) {
    this.#pool = pool;
    this.request = request;
    this.events = events;
    this.framing = requestFraming(request);
    this.ended = this.framing !== RequestFraming.TUNNEL && !request.hasBody;
  }

  /** Octets of the body not yet handed to a socket. */
  get pendingBytes(): number {
    return this.#outBytes;
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    if (this.phase === LegPhase.DONE || this.ended || this.#stopped) return true;
    const announced = this.framing === RequestFraming.LENGTH ? this.request.contentLength : -1;
    this.#accepted += chunk.length;
    if (announced >= 0 && (this.#accepted > announced || (end && this.#accepted < announced))) {
      this.#wrongLength(announced);
      return true;
    }
    if (chunk.length > 0) {
      this.#out ??= [];
      // What does not leave with this turn must not hold what came along with it.
      const waits = this.connection === null || this.connection.unsentBytes > 0;
      this.#out.push(waits ? lasting(chunk) : chunk);
      this.#outBytes += chunk.length;
    }
    if (end) this.ended = true;
    this.#list();
    const inSocket = this.connection === null ? 0 : this.connection.unsentBytes;
    if (end || this.#outBytes + inSocket < this.#pool.options.sendHighWaterBytes) return true;
    this.#blocked = true;
    return false;
  }

  trailers(trailers: Trailers): void {
    if (this.phase === LegPhase.DONE || this.ended || this.#stopped) return;
    if (this.framing === RequestFraming.LENGTH && this.#accepted < this.request.contentLength) {
      this.#wrongLength(this.request.contentLength);
      return;
    }
    this.#trailers = trailers;
    this.ended = true;
    this.#list();
  }

  cancel(why: Reason): boolean {
    if (this.phase === LegPhase.DONE) return true;
    const connection = this.connection;
    let settled = true;
    if (connection === null) this.#pool.forget(this);
    else settled = connection.abandon(this, why);
    if (!settled) connection!.whenClosed(() => this.events.onSettled());
    this.finish();
    return settled;
  }

  consumed(bytes: number): void {
    this.unconsumed -= bytes;
    if (this.phase === LegPhase.ON_CONNECTION) this.connection!.onConsumed(this);
  }

  /** Puts the leg on a connection. The head goes out at the end of the turn. */
  assign(connection: Http1Connection, connectionId: number, ordinal: number): void {
    this.connection = connection;
    this.connectionId = connectionId;
    this.streamId = ordinal;
    this.phase = LegPhase.ON_CONNECTION;
    this.#announced = false;
    this.#list();
  }

  /** Its connection died unused: the request may go out again when nothing of it can have been acted upon. */
  get mayResend(): boolean {
    if (this.resent || this.sawOctets || this.bodyBegun) return false;
    if (!this.headSent) return true;
    if (this.framing === RequestFraming.TUNNEL) return true;
    // RFC 9110 9.2.2: a request that was not complete was not acted upon, and some may be acted upon twice.
    return !this.#isWhole || IDEMPOTENT.has(this.request.method);
  }

  /** The backend, if it read what was sent, has the whole request: a body of no octets is whole without any. */
  get #isWhole(): boolean {
    return this.endSent || (this.framing === RequestFraming.LENGTH && this.request.contentLength === 0);
  }

  /** Back to waiting, for a fresh connection. */
  takeBack(): void {
    this.connection = null;
    this.connectionId = 0;
    this.streamId = 0;
    this.phase = LegPhase.WAITING;
    this.headSent = false;
    this.endSent = false;
    this.resent = true;
  }

  /** Ends the exchange with an error, told at the end of the turn. */
  reject(why: Reason): void {
    if (this.phase === LegPhase.DONE) return;
    this.finish();
    this.#failure = why;
    this.#list();
  }

  /** Nothing more goes out or comes in. */
  finish(): void {
    this.phase = LegPhase.DONE;
    this.connection = null;
    this.#out = null;
    this.#outBytes = 0;
  }

  /** The socket has room again. */
  unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.events.onWritable();
  }

  runTurn(): void {
    this.#listed = false;
    const failure = this.#failure;
    if (failure !== null) {
      this.#failure = null;
      this.events.onError(failure);
      return;
    }
    if (this.phase === LegPhase.ON_CONNECTION && !this.#announced) {
      this.#announced = true;
      this.events.onAssigned();
    }
    // The event may have cancelled.
    if (this.phase === LegPhase.ON_CONNECTION) this.connection!.flush(this);
  }

  /** Sends on what waits, at the end of the turn. */
  #list(): void {
    if (this.#listed) return;
    this.#listed = true;
    atTurnEnd(this);
  }

  /** Hands over the body octets that wait; the caller writes them all. */
  takeBody(): Uint8Array[] | null {
    const out = this.#out;
    this.#out = null;
    this.#outBytes = 0;
    return out;
  }

  /** What ends a chunked request. */
  closingChunk(): string {
    return lastChunk(this.#trailers?.fields ?? null);
  }

  /** The rest of the request is not wanted (D30). */
  stopUpload(): void {
    if (this.ended || this.#stopped) return;
    this.#stopped = true;
    this.events.onStopSending();
  }

  /** Opens the tunnel: what waited for the 101 may go (D28). */
  openTunnel(): void {
    this.tunnelOpen = true;
    this.#list();
  }

  #wrongLength(announced: number): void {
    const text = `the request body does not have the ${announced} octets that content-length announced`;
    const why = reason('client_protocol_error', text, { rfc: '9113 8.1.1', rule: 'content-length.mismatch' });
    const connection = this.connection;
    if (connection === null) this.#pool.forget(this);
    else connection.abandon(this, why);
    this.reject(why);
  }
}
