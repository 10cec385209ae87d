import type { OnReadOpts, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Reason, reason } from '../../exchange/reason.ts';
import { BackendSocket } from '../backend-socket.ts';
import type { DialEvents, Dialing, TlsFacts } from '../dial.ts';
import { backendFacts } from '../facts.ts';
import { connectionLost, protocolError } from '../failure.ts';
import { dripping, Outflow, overdue, overtime, spread } from '../progress.ts';
import type { FieldSection } from './field-section.ts';
import { type Http1Leg, LegPhase } from './leg.ts';
import type { Http1Pool } from './pool.ts';
import { ReadBuffer } from './read-buffer.ts';
import { RequestFraming } from './request-head.ts';
import { writeTurn } from './request-writer.ts';
import { Expecting, ResponseParser, type ResponseSink } from './response-parser.ts';

import { acceptsKey } from './websocket-key.ts';

interface Connecting {
  readonly kind: 'connecting';
  dialing: Dialing | null;
}
interface Idle {
  readonly kind: 'idle';
  /** When we close it, ms. */
  until: number;
}
interface Closing {
  readonly kind: 'closing';
}
/** `busy` is the exchange itself. */
type State = Connecting | Idle | Http1Leg | Closing;

/** How long the answer to a request that could not be sent whole may take to be read, ms. */
const SALVAGE_MS = 1000;

const CLOSING: Closing = { kind: 'closing' };

/**
 * One HTTP/1.1 connection to a backend: one exchange at a time, never pipelined. It is used again only when the response
 * ended where its framing said, the request was sent whole, and both sides want to persist (RFC 9112 9.3); in any doubt the
 * socket is destroyed.
 */
export class Http1Connection implements ResponseSink, DialEvents {
  /** Position in the pool's list. */
  index = -1;

  readonly #pool: Http1Pool;
  readonly #parser: ResponseParser;
  readonly #buffer: ReadBuffer = new ReadBuffer((octets, bytes) => this.#received(octets, bytes));
  readonly #idle: Idle = { kind: 'idle', until: 0 };
  #state: State = { kind: 'connecting', dialing: null };
  #socket: Socket | null = null;
  #id = 0;
  #ordinal = 0;
  /** Seconds of the backend's `keep-alive: timeout=`, -1 without. */
  #keepAliveSeconds = -1;
  #paused = false;
  #error: Error | null = null;
  /** Nothing can be sent any more; what the backend has said is still being read. */
  #writeBroken = false;

  /** When it is no longer used, ms, and after how many exchanges. */
  #retireAt = Number.POSITIVE_INFINITY;
  #maxOrdinal = Number.POSITIVE_INFINITY;
  #address = '';

  readonly #outflow = new Outflow();
  /** At the last look, to see whether the backend takes any. */
  #takenBefore = 0;

  constructor(pool: Http1Pool) {
    this.#pool = pool;
    this.#parser = new ResponseParser(this, pool.options);
  }

  /** Where the socket reads to. */
  get onread(): OnReadOpts {
    return this.#buffer.onread;
  }

  /** `connecting`, `idle`, `busy` or `closing`. */
  get kind(): State['kind'] {
    return this.#state.kind;
  }

  /** When an idle connection is to be closed, ms. */
  get idleUntil(): number {
    return this.#idle.until;
  }

  /** Octets handed to the socket that the kernel has not taken. */
  get unsentBytes(): number {
    return this.#socket === null ? 0 : this.#socket.writableLength;
  }

  /** Starts the connection attempt. */
  open(): void {
    const dialing = this.#pool.dial(this);
    if (this.#state.kind === 'connecting') this.#state.dialing = dialing;
  }

  onConnected(socket: Socket, tls: TlsFacts | null): void {
    this.#socket = socket;
    const { target, trace, options } = this.#pool;
    const { maxConnectionAgeMs, maxConnectionRequests } = options;
    if (maxConnectionAgeMs > 0) this.#retireAt = performance.now() + spread(maxConnectionAgeMs);
    if (maxConnectionRequests > 0) this.#maxOrdinal = Math.max(1, Math.round(spread(maxConnectionRequests)));
    this.#address = socket.remoteAddress ?? '';
    this.#id = trace.connectionOpened(backendFacts(target, socket, 'http/1.1', tls));
    socket.on('error', error => this.#onError(error));
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#lost());
    socket.on('drain', () => this.#onDrain());
    if (socket instanceof BackendSocket) socket.onWriteFailure = error => this.#onWriteFailure(error);
    if (tls !== null) socket.on('data', (chunk: Buffer) => this.#receivedForeign(chunk));
    this.#becomeIdle();
    this.#pool.onUsable(this, true);
  }

  onDialFailed(failure: Reason): void {
    this.#state = CLOSING;
    this.#pool.onDialFailed(this, failure);
  }

  /** Gives the connection to an exchange. */
  assign(leg: Http1Leg): void {
    this.#state = leg;
    if (this.#pool.options.totalTimeoutMs > 0) leg.startedAt = performance.now();
    this.#ordinal++;
    leg.assign(this, this.#id, this.#ordinal);
  }

  /** Writes what the leg has gathered in this turn, at once. */
  flush(leg: Http1Leg): void {
    const socket = this.#socket!;
    if (leg.headSent && leg.endSent) return;
    if (this.#writeBroken) {
      leg.takeBody();
      return;
    }
    const first = !leg.headSent;
    const waited = socket.writableLength > 0;
    const written = writeTurn(leg, socket);
    if (typeof written !== 'number') {
      const text = `the request cannot be sent over HTTP/1.1: ${written.text}`;
      const why = reason('request_rejected', text, { rfc: written.rfc });
      this.abandon(leg, why);
      leg.reject(why);
      return;
    }
    const { trace } = this.#pool;
    if (first) {
      const { method, path, authority, fields } = leg.request;
      const ordinary = method === 'HEAD' ? Expecting.HEAD : Expecting.ORDINARY;
      this.#parser.begin(leg.framing === RequestFraming.TUNNEL ? Expecting.UPGRADE : ordinary);
      trace.http1Request(this.#id, this.#ordinal, method, path, fields, authority);
    }
    if (written > 0) trace.http1Body(this.#id, this.#ordinal, 1, written);
    if (leg.endSent) trace.http1Complete(this.#id, this.#ordinal, 1);
    else if (socket.writableNeedDrain) trace.http1Blocked(this.#id, this.#ordinal, socket.writableLength);
    // What comes on top of octets that wait is the client's doing.
    if (!waited) leg.progressAt = performance.now();
  }

  /**
   * The exchange on this connection is over before its end. A request not begun leaves the connection as it was: true.
   * False: the connection is being closed.
   */
  abandon(leg: Http1Leg, why: Reason): boolean {
    if (!leg.headSent) {
      this.#ordinal--;
      this.#becomeIdle();
      this.#pool.onUsable(this, false);
      return true;
    }
    this.#pool.trace.http1End(this.#id, this.#ordinal, why);
    this.close(why);
    return false;
  }

  /** Tells when the socket of a connection that is being closed is closed. */
  whenClosed(tell: () => void): void {
    this.#socket!.once('close', tell);
  }

  /** Response octets were given back. */
  onConsumed(leg: Http1Leg): void {
    if (this.#paused && leg.unconsumed * 2 <= this.#pool.options.receiveHighWaterBytes) this.#resume();
  }

  /** Closes the connection, whatever it does. The exchange on it, if any, is the caller's affair. */
  close(why: Reason | null): void {
    const state = this.#state;
    if (state.kind === 'closing') return;
    this.#state = CLOSING;
    this.#parser.stop();
    const connecting = state.kind === 'connecting';
    if (connecting) state.dialing?.abort();
    if (this.#socket !== null) {
      this.#socket.destroy();
      this.#pool.trace.connectionClosed(this.#id, why);
    }
    this.#pool.onClosed(this, connecting);
  }

  /** Ends the exchange on this connection with `why` and closes. */
  fail(why: Reason): void {
    const leg = this.#state;
    if (leg.kind !== 'busy') {
      this.close(why);
      return;
    }
    if (leg.headSent) this.#pool.trace.http1End(this.#id, this.#ordinal, why);
    leg.finish();
    this.close(why);
    leg.events.onError(why);
  }

  /** Its address is no longer one of the backend's: it serves no further exchange. */
  leave(addresses: ReadonlySet<string>): void {
    if (this.#socket === null || addresses.has(this.#address)) return;
    this.#retireAt = 0;
    if (this.#state.kind === 'idle') this.close(null);
  }

  /** Looks at the clock: `now` in ms, monotonic. */
  checkTimeouts(now: number): void {
    const state = this.#state;
    if (state.kind === 'idle') {
      if (now >= state.until) this.close(null);
      return;
    }
    if (state.kind !== 'busy') return;
    const { target, options } = this.#pool;
    const tooLong = state.tunnelOpen ? null : overtime(target, options, state.startedAt, now);
    if (tooLong !== null) this.fail(tooLong);
    if (this.#state !== state || !state.headSent) return;
    if (this.#paused) {
      state.pace = null;
      return;
    }
    const unsent = this.#socket!.writableLength;
    const taken = this.#outflow.look(this.#socket!);
    if (taken !== this.#takenBefore) {
      this.#takenBefore = taken;
      state.progressAt = now;
    }
    const isTunnel = state.framing === RequestFraming.TUNNEL;
    const since = now - state.progressAt;
    const why =
      overdue(target, options, since, unsent, state.endSent || isTunnel, state.responded, state.tunnelOpen) ??
      (isTunnel ? null : dripping(target, options, state, unsent, taken, now));
    if (why !== null) this.fail(why);
  }

  // ResponseSink

  onInformationalHead(status: number, head: FieldSection): void {
    const leg = this.#state as Http1Leg;
    leg.moved = true;
    this.#pool.trace.http1Response(this.#id, this.#ordinal, status, head.fields);
    leg.events.onInformational({ status, fields: head.fields, sensitive: null });
  }

  onHead(code: number, head: FieldSection, end: boolean): void {
    const leg = this.#state as Http1Leg;
    this.#keepAliveSeconds = head.keepAliveSeconds;
    this.#pool.trace.http1Response(this.#id, this.#ordinal, code, head.fields);
    leg.responded = true;
    leg.moved = true;
    leg.announced = head.contentLength >= 0;
    let status = code;
    let { fields } = head;
    if (leg.framing === RequestFraming.TUNNEL && status < 300) {
      const wrong =
        status === 101
          ? acceptsKey(head, leg.request.protocol ?? '', leg.upgradeKey)
          : `answered ${status} instead of 101 to an upgrade`;
      if (wrong !== '') {
        this.fail(protocolError(this.#pool.target, wrong, '9110 7.8'));
        return;
      }
      // RFC 8441 5: what HTTP/1.1 calls 101 is a 200 to everybody else.
      status = 200;
      if (leg.upgradeKey !== '') fields = fields.filter((_, index) => fields[index & ~1] !== 'sec-websocket-accept');
      leg.openTunnel();
    }
    if (end) this.#complete(leg);
    leg.events.onResponse({ status, fields, sensitive: null }, end);
    if (end) leg.stopUpload();
  }

  onBodyOctets(octets: Buffer, start: number, end: number, last: boolean): void {
    const leg = this.#state as Http1Leg;
    const bytes = end - start;
    const chunk = this.#buffer.take(octets, start, end);
    leg.unconsumed += bytes;
    leg.received += bytes;
    leg.moved = true;
    this.#pool.trace.http1Body(this.#id, this.#ordinal, 0, bytes);
    if (last) this.#complete(leg);
    leg.events.onBody(chunk, last);
    if (last) leg.stopUpload();
  }

  onTrailerFields(fields: readonly string[]): void {
    const leg = this.#state as Http1Leg;
    this.#complete(leg);
    leg.events.onTrailers({ fields, sensitive: null });
    leg.stopUpload();
  }

  /** The response is whole: settles what becomes of the connection before anybody hears of it. */
  #complete(leg: Http1Leg): void {
    const pool = this.#pool;
    pool.trace.http1End(this.#id, this.#ordinal, null);
    // D21, D30: a request that is not wholly sent leaves the connection unusable.
    const sent = leg.endSent && this.#socket!.writableLength === 0 && !this.#writeBroken;
    const reusable = this.#parser.reusable && sent && !pool.isClosing && this.#ordinal < this.#maxOrdinal;
    leg.finish();
    if (!reusable) {
      this.close(null);
      return;
    }
    if (this.#paused) this.#resume();
    if (this.#becomeIdle()) pool.onUsable(this, false);
    else this.close(null);
  }

  /** False when the backend keeps connections too briefly to use them again. */
  #becomeIdle(): boolean {
    const { keepAliveTimeoutMs } = this.#pool.options;
    let keep = keepAliveTimeoutMs === 0 ? Number.POSITIVE_INFINITY : keepAliveTimeoutMs;
    // A second less than the backend says, for the request that is on its way when the backend closes.
    if (this.#keepAliveSeconds >= 0) keep = Math.min(keep, (this.#keepAliveSeconds - 1) * 1000);
    const now = performance.now();
    this.#idle.until = Math.min(now + keep, this.#retireAt);
    this.#state = this.#idle;
    return this.#idle.until > now;
  }

  /** A TLS socket decrypts into buffers of its own, which are ours to keep. */
  #receivedForeign(chunk: Buffer): void {
    this.#buffer.expectForeign();
    this.#received(chunk, chunk.length);
  }

  #received(octets: Buffer, bytes: number): void {
    const state = this.#state;
    if (state.kind === 'idle' || (state.kind === 'busy' && !state.headSent)) {
      this.#unsolicited(state);
      return;
    }
    if (state.kind !== 'busy') return;
    state.sawOctets = true;
    this.#parser.execute(octets, 0, bytes);
    if (this.#state !== state) return;
    if (state.moved) {
      state.moved = false;
      state.progressAt = performance.now();
    }
    const { failure } = this.#parser;
    if (failure !== null) this.fail(protocolError(this.#pool.target, failure.text, failure.rfc));
    else if (state.unconsumed >= this.#pool.options.receiveHighWaterBytes) this.#pause();
  }

  /** D23: octets nobody asked for are never parsed. An exchange that was about to begin goes elsewhere. */
  #unsolicited(state: Idle | Http1Leg): void {
    const why = protocolError(this.#pool.target, 'sent octets on a connection with no request', '9112 9.2');
    this.close(why);
    if (state.kind === 'busy') this.#moveOrFail(state, why);
  }

  /** An exchange lost its connection: a used connection may have died of age, which says nothing about the backend. */
  #moveOrFail(leg: Http1Leg, why: Reason): void {
    if (leg.mayResend && (this.#ordinal > 1 || !leg.headSent)) {
      this.#pool.resend(leg);
      return;
    }
    leg.finish();
    leg.events.onError(why);
  }

  #onError(error: Error): void {
    this.#error ??= error;
    this.#lost();
  }

  /** A write failed. True: the backend may have answered before it closed, and that answer counts. */
  #onWriteFailure(error: Error): boolean {
    const leg = this.#state;
    if (leg.kind !== 'busy' || !leg.headSent) return false;
    this.#error = error;
    this.#writeBroken = true;
    if (!leg.responded) {
      const overdue = setTimeout(() => {
        if (this.#state === leg && !leg.responded) this.#lost();
      }, SALVAGE_MS);
      overdue.unref();
    }
    leg.stopUpload();
    return true;
  }

  /** The backend closed its side of the connection. */
  #onEnd(): void {
    const leg = this.#state;
    if (leg.kind === 'busy' && leg.headSent) this.#parser.finish();
    if (this.#state === leg) this.#lost();
  }

  /** The connection is gone (or going), expectedly or not. */
  #lost(): void {
    const leg = this.#state;
    if (leg.kind !== 'busy') {
      this.close(null);
      return;
    }
    const { target, trace } = this.#pool;
    const when = !leg.headSent
      ? 'before the request was sent'
      : leg.responded
        ? 'in the middle of the response'
        : leg.sawOctets
          ? 'in the middle of the response head'
          : 'before responding';
    const why = connectionLost(target, this.#error, when, leg.headSent);
    if (leg.headSent) trace.http1End(this.#id, this.#ordinal, why);
    this.close(why);
    this.#moveOrFail(leg, why);
  }

  #onDrain(): void {
    const leg = this.#state;
    if (leg.kind !== 'busy') return;
    this.#pool.trace.http1Blocked(this.#id, this.#ordinal, 0);
    leg.progressAt = performance.now();
    if (leg.phase === LegPhase.ON_CONNECTION) leg.unblock();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket!.pause();
  }

  #resume(): void {
    this.#paused = false;
    const state = this.#state;
    if (state.kind === 'busy') state.progressAt = performance.now();
    this.#socket!.resume();
  }
}
