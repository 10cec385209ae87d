import { performance } from 'node:perf_hooks';
import {
  type Connection,
  ErrorCode,
  type FieldList,
  lasting,
  type RequestHead,
  type Stream,
  UsageError,
} from '@glassway/h2-core';
import type { BackendLeg, BackendLegEvents, RequestMessage, Trailers } from '../../exchange/legs.ts';
import { type Reason, reason } from '../../exchange/reason.ts';
import { IDEMPOTENT } from '../../exchange/retry.ts';
import { acceptFor } from '../http1/websocket-key.ts';
import type { Pace, Paced } from '../progress.ts';
import { atTurnEnd, type TurnTask } from '../turn.ts';
import type { Waiter } from '../waiting.ts';
import type { H2Connection } from './connection.ts';
import type { H2Pool } from './pool.ts';

/** Where an exchange stands on this leg. */
export const LegPhase = { WAITING: 0, ON_STREAM: 1, DONE: 2 } as const;
/** One of `LegPhase`. */
export type LegPhase = (typeof LegPhase)[keyof typeof LegPhase];

/** Backends that end each connection after a few requests must not keep an exchange moving for ever. */
const MAX_MOVES = 8;

/** One exchange on the HTTP/2 side: what it holds before it has a stream, and what the timeouts must know afterwards. */
export class H2Leg implements BackendLeg, TurnTask, Waiter, Paced {
  readonly request: RequestMessage;
  readonly events: BackendLegEvents;
  connectionId = 0;
  streamId = 0;
  phase: LegPhase = LegPhase.WAITING;
  /** Position in the pool's list of exchanges with a stream, -1 when not in it. */
  index = -1;
  waitingSince = 0;
  place = -1;
  /** Value to prove to a client whose WebSocket handshake carried a key, empty without. */
  readonly websocketAccept: string;

  /** The caller has given the whole request. */
  ended: boolean;
  /** The whole request has left for the socket. */
  endSent = false;
  /** The final head was passed on. */
  responded = false;
  /** 1xx responses passed on. */
  informational = 0;
  /** Response octets passed on and not yet given back. */
  unconsumed = 0;
  /** Last time the exchange moved in the direction we wait for, ms. */
  progressAt = 0;
  /** When it found its connection, ms. */
  startedAt = 0;
  /** Request octets the backend had taken at the last look. */
  takenBefore = 0;
  pace: Pace | null = null;
  announced = false;
  received = 0;

  readonly #pool: H2Pool;
  #connection: H2Connection | null = null;
  #core: Connection | null = null;
  #stream: Stream | null = null;
  #early: Uint8Array[] | null = null;
  #earlyBytes = 0;
  #trailers: Trailers | null = null;
  #accepted = 0;
  #bodyBegun = false;
  #moves = 0;
  #blocked = false;
  #announced = false;
  #listed = false;
  #failure: Reason | null = null;

  constructor(pool: H2Pool, request: RequestMessage, events: BackendLegEvents) {
    this.#pool = pool;
    this.request = request;
    this.events = events;
    this.ended = !request.hasBody && !this.isTunnel;
    const key = this.isTunnel ? fieldValue(request.fields, 'sec-websocket-key') : '';
    this.websocketAccept = key === '' ? '' : acceptFor(key);
  }

  /** The exchange is to become a tunnel (RFC 8441). */
  get isTunnel(): boolean {
    const { protocol } = this.request;
    return protocol !== undefined && protocol !== '';
  }

  /** The stream, null while there is none. */
  get stream(): Stream | null {
    return this.#stream;
  }

  /** Request octets that have left for the backend. */
  get takenBytes(): number {
    return this.#stream === null ? 0 : this.#accepted - this.#stream.bufferedBytes;
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    if (this.phase === LegPhase.DONE || this.ended) return true;
    this.#accepted += chunk.length;
    const announced = this.request.hasBody ? this.request.contentLength : -1;
    if (announced >= 0 && (this.#accepted > announced || (end && this.#accepted < announced))) {
      this.#wrongLength(announced);
      return true;
    }
    if (end) this.ended = true;
    if (this.#stream !== null) {
      this.#bodyBegun = true;
      if (this.#stream.bufferedBytes === 0) this.progressAt = performance.now();
      return this.#core!.write(this.#stream, chunk, end);
    }
    this.#early ??= [];
    this.#early.push(lasting(chunk));
    this.#earlyBytes += chunk.length;
    if (end || this.#earlyBytes < this.#pool.options.sendHighWaterBytes) return true;
    this.#blocked = true;
    return false;
  }

  trailers(trailers: Trailers): void {
    if (this.phase === LegPhase.DONE || this.ended) return;
    if (this.request.hasBody && this.#accepted < this.request.contentLength) {
      this.#wrongLength(this.request.contentLength);
      return;
    }
    this.ended = true;
    this.#trailers = trailers;
    if (this.#stream !== null) this.#core!.trailers(this.#stream, trailers.fields, trailers.sensitive);
  }

  cancel(why: Reason): boolean {
    if (this.phase === LegPhase.DONE) return true;
    const connection = this.#connection;
    this.#giveUp(why);
    this.finish();
    connection?.settle(this);
    return connection === null;
  }

  consumed(bytes: number): void {
    this.unconsumed -= bytes;
    this.progressAt = performance.now();
    // Also after the end: the core knows which octets still count against a window.
    if (this.#stream !== null) this.#core!.release(this.#stream, bytes);
  }

  /**
   * Opens a stream for the exchange. Returns what the connection refuses about it, null when all is well; then nothing was
   * sent.
   */
  open(connection: H2Connection, core: Connection, connectionId: number): Reason | null {
    try {
      const whole = this.ended && this.#early === null && this.#trailers === null;
      const stream = core.request(this.#head(), whole, this);
      this.#stream = stream;
      this.#core = core;
      this.#connection = connection;
      this.connectionId = connectionId;
      this.streamId = stream.id;
      this.phase = LegPhase.ON_STREAM;
      this.endSent = whole;
      this.progressAt = performance.now();
      this.startedAt = this.progressAt;
      this.#announced = false;
      this.#list();
      this.#flushEarly(core, stream);
      return null;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return reason('request_rejected', `the request cannot be sent over HTTP/2: ${error.message}`);
    }
  }

  /** The connection died without a word: the request may go out once more when nothing of it can have been acted upon. */
  get mayResend(): boolean {
    if (this.#moves > 0 || this.responded || this.informational > 0 || this.#bodyBegun) return false;
    return IDEMPOTENT.has(this.request.method) && !this.isTunnel;
  }

  /** The backend said that it has not processed the request (RFC 9113 8.7): another connection may take it, if all is there. */
  get mayMove(): boolean {
    return this.#moves < MAX_MOVES && !this.#bodyBegun;
  }

  /** Back to waiting. */
  takeBack(): void {
    this.#moves++;
    this.#stream = null;
    this.#core = null;
    this.#connection = null;
    this.connectionId = 0;
    this.streamId = 0;
    this.phase = LegPhase.WAITING;
    this.endSent = false;
  }

  reject(why: Reason): void {
    if (this.phase === LegPhase.DONE) return;
    this.finish();
    this.#failure = why;
    this.#list();
  }

  /** Ends the exchange with RST_STREAM(CANCEL) and an error. */
  fail(why: Reason): void {
    this.#giveUp(why);
    this.finish();
    this.events.onError(why);
  }

  /** Nothing more goes out or comes in; octets not given back yet may still be. */
  finish(): void {
    this.phase = LegPhase.DONE;
    this.#early = null;
    this.#pool.onLegDone(this);
  }

  /** The response is complete while the request is not (D30): the rest is not wanted by anybody. */
  stopUpload(): void {
    if (this.ended) return;
    this.#core!.reset(this.#stream!, ErrorCode.CANCEL, 'the response was complete before the request');
    this.events.onStopSending();
  }

  runTurn(): void {
    this.#listed = false;
    const failure = this.#failure;
    if (failure !== null) {
      this.#failure = null;
      this.events.onError(failure);
      return;
    }
    if (this.phase !== LegPhase.ON_STREAM) return;
    if (!this.#announced) {
      this.#announced = true;
      this.events.onAssigned();
    }
    if (this.#blocked) {
      this.#blocked = false;
      this.events.onWritable();
    }
  }

  #list(): void {
    if (this.#listed) return;
    this.#listed = true;
    atTurnEnd(this);
  }

  #giveUp(why: Reason): void {
    if (this.#connection === null) this.#pool.forget(this);
    else this.#core!.reset(this.#stream!, ErrorCode.CANCEL, why.code);
  }

  #head(): RequestHead {
    const { method, scheme, authority, path, fields, sensitive, contentLength, protocol = '' } = this.request;
    return {
      method: protocol === '' ? method : 'CONNECT',
      scheme,
      authority,
      path,
      protocol,
      fields: contentLength >= 0 && protocol === '' ? [...fields, 'content-length', String(contentLength)] : fields,
      sensitive,
    };
  }

  #flushEarly(core: Connection, stream: Stream): void {
    const early = this.#early;
    if (early !== null) {
      this.#early = null;
      this.#earlyBytes = 0;
      this.#bodyBegun = true;
      const last = early.length - 1;
      for (let index = 0; index <= last; index++) {
        const room = core.write(stream, early[index]!, index === last && this.ended && this.#trailers === null);
        // Then the core tells when there is room.
        if (!room) this.#blocked = false;
      }
    }
    if (this.#trailers !== null) core.trailers(stream, this.#trailers.fields, this.#trailers.sensitive);
  }

  #wrongLength(announced: number): void {
    const text = `the request body does not have the ${announced} octets that content-length announced`;
    const why = reason('client_protocol_error', text, { rfc: '9113 8.1.1', rule: 'content-length.mismatch' });
    this.#giveUp(why);
    this.reject(why);
  }
}

/** The value of the first field of this name, empty without. */
export function fieldValue(fields: FieldList, name: string): string {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === name) return fields[index + 1]!;
  return '';
}
