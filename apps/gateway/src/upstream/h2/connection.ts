import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import {
  Connection,
  ErrorCode,
  errorCodeName,
  type FieldList,
  type H2Error,
  type Handler,
  type ResponseHead,
  type Stream,
} from '@glassway/h2-core';
import { attach } from '@glassway/h2-core/node';
import { type Reason, reason } from '../../exchange/reason.ts';
import type { DialEvents, Dialing, TlsFacts } from '../dial.ts';
import { backendFacts } from '../facts.ts';
import { connectionLost, protocolError } from '../failure.ts';
import { spread } from '../progress.ts';
import { fieldValue, type H2Leg, LegPhase } from './leg.ts';
import type { H2Pool } from './pool.ts';
import { Refusals } from './refusals.ts';
import { ResetProof } from './reset-proof.ts';

interface Connecting {
  readonly kind: 'connecting';
  dialing: Dialing | null;
}
/** Connected; the backend has not sent its SETTINGS, so nothing was sent but the preface. */
interface Handshake {
  readonly kind: 'handshake';
  readonly core: Connection;
}
interface Open {
  readonly kind: 'open';
  readonly core: Connection;
}
/** Takes no new streams; ends with its last one. */
interface Draining {
  readonly kind: 'draining';
  readonly core: Connection;
}
interface Closed {
  readonly kind: 'closed';
}
type State = Connecting | Handshake | Open | Draining | Closed;

const CLOSED: Closed = { kind: 'closed' };

/** A backend that allows any number of streams still gets a second connection at some point. */
const MAX_STREAMS = 1000;
/** Silence with streams open after which the backend must answer a PING, ms: finds hung peers. */
const KEEPALIVE_INTERVAL_MS = 20_000;
/** Time for the acknowledgement of our SETTINGS (RFC 9113 6.5.3), ms, unless the preface alone may take longer. */
const SETTINGS_ACK_MS = 10_000;

/**
 * The connection's receive window, octets: room for hundreds of streams whose clients have stopped reading, so that these do
 * not stop the others on the same connection. What one stream may hold is bounded by its own window.
 */
const CONNECTION_WINDOW = 128 * 1024 * 1024;
/** A stream's window is this many times `receiveHighWaterBytes`, because it must cover the round trip as well. */
const WINDOW_FACTOR = 4;

/** One HTTP/2 connection to a backend: a socket, the core on it, and the way from streams to exchanges. */
export class H2Connection implements DialEvents, Handler {
  readonly onread = null;
  readonly #pool: H2Pool;
  #state: State = { kind: 'connecting', dialing: null };
  #id = 0;
  #error: Error | null = null;
  #proof: ResetProof | null = null;
  readonly #refusals: Refusals;
  #retiring: NodeJS.Timeout | null = null;
  #requestsLeft = Number.POSITIVE_INFINITY;
  #address = '';

  constructor(pool: H2Pool) {
    this.#pool = pool;
    this.#refusals = new Refusals(() => this.#pool.onRoom(this));
  }

  /** `connecting`, `handshake`, `open`, `draining` or `closed`. */
  get kind(): State['kind'] {
    return this.#state.kind;
  }

  /** The inspector's number, 0 while connecting. */
  get id(): number {
    return this.#id;
  }

  /** A request made now gets a stream at once. */
  get canOpen(): boolean {
    const state = this.#state;
    return (
      state.kind === 'open' && state.core.canOpen && state.core.openStreams < MAX_STREAMS && !this.#refusals.isPausing
    );
  }

  /** The backend has just refused a stream for all it has to do. */
  get isRefusing(): boolean {
    return this.#refusals.isPausing;
  }

  /** The backend refuses any stream: SETTINGS_MAX_CONCURRENT_STREAMS 0 (RFC 9113 5.1.2). */
  get isShut(): boolean {
    return this.#state.kind === 'open' && this.#state.core.remoteSettings.maxConcurrentStreams === 0;
  }

  /** Starts the connection attempt. */
  dial(): void {
    const dialing = this.#pool.dial(this);
    if (this.#state.kind === 'connecting') this.#state.dialing = dialing;
  }

  onConnected(socket: Socket, tls: TlsFacts | null): void {
    const { target, trace, options } = this.#pool;
    this.#id = trace.connectionOpened(backendFacts(target, socket, 'h2', tls));
    this.#address = socket.remoteAddress ?? '';
    const { maxConnectionAgeMs, maxConnectionRequests } = options;
    if (maxConnectionAgeMs > 0) this.#retiring = setTimeout(() => this.#retire(), spread(maxConnectionAgeMs)).unref();
    if (maxConnectionRequests > 0) this.#requestsLeft = Math.max(1, Math.round(spread(maxConnectionRequests)));
    socket.on('error', (error: Error) => {
      this.#error ??= error;
    });
    const core = new Connection(
      {
        role: 'client',
        handler: this,
        tap: trace.tap(this.#id),
        enablePush: false,
        initialWindowSize: Math.max(65_535, options.receiveHighWaterBytes * WINDOW_FACTOR),
        initialConnectionWindowSize: CONNECTION_WINDOW,
        maxHeaderListSize: options.maxHeadBytes,
        maxHeaderFields: options.maxFields,
        maxSendBufferSize: options.sendHighWaterBytes,
        prefaceTimeoutMs: options.connectTimeoutMs,
        // A backend acknowledges SETTINGS after its own preface, which may take so long.
        settingsAckTimeoutMs: Math.max(SETTINGS_ACK_MS, options.connectTimeoutMs),
        keepaliveIntervalMs: KEEPALIVE_INTERVAL_MS,
        // A backend may leave an upload waiting for as long as its pool's timeouts say, which the pool watches.
        writeStallTimeoutMs: 0,
        // `ResetProof` asks the same, for each request that was reset.
        holdCancelledSlots: false,
      },
      performance.now(),
    );
    this.#state = { kind: 'handshake', core };
    this.#proof = new ResetProof(core);
    attach(socket, core);
  }

  onDialFailed(failure: Reason): void {
    this.#state = CLOSED;
    this.#pool.onDialFailed(this, failure);
  }

  /** Opens a stream for the exchange, which must be possible (`canOpen`). */
  assign(leg: H2Leg): void {
    const state = this.#state as Open;
    const refused =
      leg.isTunnel && !state.core.remoteSettings.enableConnectProtocol
        ? this.#noTunnels()
        : leg.open(this, state.core, this.#id);
    if (refused !== null) leg.reject(refused);
    if (--this.#requestsLeft === 0) this.#retire();
  }

  /** Its address is no longer one of the backend's: it takes no further exchange. */
  leave(addresses: ReadonlySet<string>): void {
    if (this.#address !== '' && !addresses.has(this.#address)) this.#retire();
  }

  /** Finishes what it has; others are dialled for what comes. */
  #retire(): void {
    if (this.#state.kind !== 'open') return;
    this.shutdown();
    this.#pool.onDraining(this);
  }

  #noTunnels(): Reason {
    const text = `${this.#pool.target.label} does not offer WebSocket over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL)`;
    return reason('connect_refused', text, { rfc: '8441 3' });
  }

  /** The exchange's stream was reset: tells it when the backend knows. */
  settle(leg: H2Leg): void {
    this.#proof!.add(leg.events);
  }

  /** Takes no more exchanges and closes with the last one. */
  shutdown(): void {
    const state = this.#state;
    if (state.kind === 'open') {
      this.#state = { kind: 'draining', core: state.core };
      state.core.shutdown();
    } else if (state.kind === 'connecting' || state.kind === 'handshake') {
      this.destroy();
    }
  }

  /** Closes at once; exchanges on it fail. */
  destroy(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    if (state.kind === 'connecting') {
      this.#state = CLOSED;
      state.dialing?.abort();
      this.#pool.onConnectionGone(this, true);
    } else {
      state.core.destroy(ErrorCode.NO_ERROR);
    }
  }

  // Handler

  onSettings(): void {
    const state = this.#state;
    if (state.kind === 'handshake') {
      this.#state = { kind: 'open', core: state.core };
      this.#pool.onOpen(this);
    } else if (state.kind === 'open') {
      this.#pool.onRoom(this);
    }
  }

  onInformational(stream: Stream, head: ResponseHead): void {
    const leg = stream.context as H2Leg;
    if (leg.phase !== LegPhase.ON_STREAM) return;
    const { maxInformational } = this.#pool.options;
    leg.progressAt = performance.now();
    if (++leg.informational > maxInformational) {
      leg.fail(protocolError(this.#pool.target, `more than ${maxInformational} informational responses`, '9110 15.2'));
      return;
    }
    leg.events.onInformational({ status: head.status, fields: head.fields, sensitive: head.sensitive });
  }

  onResponse(stream: Stream, head: ResponseHead, end: boolean): void {
    const leg = stream.context as H2Leg;
    if (leg.phase !== LegPhase.ON_STREAM) return;
    leg.responded = true;
    leg.announced = !leg.isTunnel && fieldValue(head.fields, 'content-length') !== '';
    leg.progressAt = performance.now();
    this.#proof!.heard();
    this.#refusals.ended();
    if (end) leg.finish();
    const proven = leg.websocketAccept !== '' && head.status >= 200 && head.status < 300;
    const fields = proven ? [...head.fields, 'sec-websocket-accept', leg.websocketAccept] : head.fields;
    leg.events.onResponse({ status: head.status, fields, sensitive: head.sensitive }, end);
    if (end) leg.stopUpload();
  }

  onData(stream: Stream, chunk: Uint8Array, end: boolean): void {
    const leg = stream.context as H2Leg;
    if (leg.phase !== LegPhase.ON_STREAM) return;
    leg.unconsumed += chunk.length;
    leg.received += chunk.length;
    if (chunk.length > 0) leg.progressAt = performance.now();
    this.#proof!.heard();
    if (end) leg.finish();
    leg.events.onBody(chunk, end);
    if (end) leg.stopUpload();
  }

  onTrailers(stream: Stream, fields: FieldList, sensitive: readonly number[] | null): void {
    const leg = stream.context as H2Leg;
    if (leg.phase !== LegPhase.ON_STREAM) return;
    leg.finish();
    leg.events.onTrailers({ fields, sensitive });
    leg.stopUpload();
  }

  onWritable(stream: Stream): void {
    const leg = stream.context as H2Leg;
    if (leg.phase !== LegPhase.ON_STREAM) return;
    leg.progressAt = performance.now();
    leg.events.onWritable();
  }

  onEndSent(stream: Stream): void {
    const leg = stream.context as H2Leg;
    leg.endSent = true;
    leg.progressAt = performance.now();
  }

  onReset(stream: Stream, error: H2Error): void {
    const leg = stream.context as H2Leg;
    if (leg.phase !== LegPhase.ON_STREAM) return;
    if (error.code === ErrorCode.REFUSED_STREAM && error.initiator === 'remote' && leg.mayMove && this.#isBusy) {
      // It counts what it has not finished, we only what is open to us: the exchange waits rather than fails.
      this.#refusals.add();
      this.#pool.resend(leg);
      return;
    }
    const moves =
      error.rule === 'goaway.unprocessed' ? leg.mayMove : error.rule === 'transport.closed' && leg.mayResend;
    if (moves) {
      this.#pool.resend(leg);
      return;
    }
    const why = this.#reasonOf(error, leg);
    leg.finish();
    leg.events.onError(why);
  }

  /** The backend works for other streams, perhaps for some that are closed to us. The one being closed still counts. */
  get #isBusy(): boolean {
    const state = this.#state;
    return state.kind === 'open' && (state.core.openStreams > 1 || this.#proof!.isPending || this.#refusals.isPausing);
  }

  onStreamClosed(): void {
    if (this.#state.kind === 'open') this.#pool.onRoom(this);
  }

  onPong(): void {
    this.#proof!.answered();
  }

  onGoAway(): void {
    const state = this.#state;
    if (state.kind === 'open') {
      this.#state = { kind: 'draining', core: state.core };
      this.#pool.onDraining(this);
    }
  }

  onClosed(error: H2Error | null): void {
    const before = this.#state;
    if (before.kind === 'closed') return;
    this.#state = CLOSED;
    this.#proof!.close();
    this.#refusals.close();
    if (this.#retiring !== null) clearTimeout(this.#retiring);
    const why =
      error === null || (error.rule === 'transport.closed' && this.#error === null)
        ? null
        : this.#reasonOf(error, null);
    this.#pool.trace.connectionClosed(this.#id, why);
    if (before.kind === 'handshake') this.#pool.onDialFailed(this, this.#handshakeFailure(error));
    else this.#pool.onConnectionGone(this, false);
  }

  /** The connection ended before the backend's SETTINGS: nothing was sent on it. */
  #handshakeFailure(error: H2Error | null): Reason {
    const { target } = this.#pool;
    if (error === null || error.rule === 'transport.closed') {
      const lost = connectionLost(target, this.#error, 'instead of speaking HTTP/2 (does it speak HTTP/1.1?)', false);
      return lost;
    }
    if (error.rule === 'preface.timeout') {
      const text = `${target.label} accepted the connection and sent no HTTP/2 SETTINGS`;
      return reason('backend_connect_timeout', text, { retryable: true, rfc: '9113 3.4' });
    }
    const hint = error.rule.startsWith('preface.') ? ' (is this an http:// backend?)' : '';
    return protocolError(target, `${error.message}${hint}`, error.rfc, error.rule);
  }

  #reasonOf(error: H2Error, leg: H2Leg | null): Reason {
    const { target } = this.#pool;
    if (error.rule === 'goaway.unprocessed' || error.rule === 'request.unsent') {
      return reason('backend_going_away', `${target.label} is going away and did not process the request`, {
        retryable: true,
        rfc: '9113 6.8',
      });
    }
    if (error.rule === 'transport.closed') {
      return connectionLost(
        target,
        this.#error,
        leg?.responded === true ? 'in the middle of the response' : 'before responding',
        true,
      );
    }
    if (error.rule === 'connection.closed')
      return reason('shutting_down', `the connection to ${target.label} was closed by the gateway`);
    if (error.rule === 'keepalive.timeout') {
      return reason('backend_idle_timeout', `${target.label} did not answer a PING`, { rfc: '9113 6.7' });
    }
    if (error.initiator === 'library') return protocolError(target, error.message, error.rfc, error.rule);
    if (error.code === ErrorCode.REFUSED_STREAM) {
      return reason('backend_refused_stream', `${target.label} refused the stream`, {
        retryable: true,
        rfc: '9113 8.7',
      });
    }
    const text = `${target.label} reset the stream (${errorCodeName(error.code)})`;
    return reason('backend_reset', text, { h2Code: error.code, retryable: error.retryable, rfc: '9113 7' });
  }
}
