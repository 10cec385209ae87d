import { Connection } from '../connection.ts';
import { checkErrorCode, ErrorCode, H2Error, UsageError } from '../errors.ts';
import type { FieldList, FieldRule, FieldVerdict, Handler } from '../handler.ts';
import type { ResolvedOptions } from '../options/options.ts';
import type { Settings } from '../settings/settings.ts';
import { shown } from '../shown.ts';
import type { Stream } from '../stream/stream.ts';
import { Deferred } from './deferred.ts';
import { checkObject } from './given.ts';
import { type Clock, microtask, Timer } from './host.ts';
import { PingPong } from './ping-pong.ts';
import { Pump } from './pump.ts';
import type { ShutdownOptions } from './session-connection.ts';
import { checkOptions, type SessionOptions } from './session-options.ts';
import type { StreamLink } from './stream-link.ts';
import type { Driver } from './transport.ts';
import { WindowTuner } from './window-tuner.ts';

/** GOAWAY as received. RFC 9113 6.8. */
export interface GoAwayInfo {
  /** Streams of ours above this one were not and will not be processed. */
  readonly lastStreamId: number;
  readonly code: number;
  /** At most 1024 octets of the peer's explanation. */
  readonly debugData: Uint8Array;
}

/** A frame of a type that HTTP/2 does not define; see RFC 9113 5.5. Send one by `connection.core.sendUnknownFrame`. */
export interface UnknownFrame {
  /** 0..255. */
  readonly type: number;
  readonly flags: number;
  /** 0: it concerns the connection. */
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** What both roles can be told beyond requests and responses. */
export interface FrameListeners {
  /** Called soon after a frame of an unknown type came; such frames are ignored otherwise. */
  readonly onUnknownFrame?: (frame: UnknownFrame) => void;
  /**
   * Asked, at once, about each received field line that is not allowed: `reject` (the default) makes the message malformed,
   * `ignore` drops the line, `accept` keeps it. `rule` says what is wrong with it. It must not use the connection.
   */
  readonly onInvalidField?: (name: string, value: string, rule: FieldRule) => FieldVerdict;
}

/** How a connection ended. */
export interface CloseInfo {
  /** What went wrong; null for a clean end and for one that this program asked for. */
  readonly error: H2Error | null;
  /** Who ended it: this program, this library (a broken rule, a timeout), or the peer. */
  readonly initiator: 'user' | 'library' | 'remote';
  /** Error code as in GOAWAY; 0 (NO_ERROR) for a clean end. */
  readonly code: number;
  /** The last GOAWAY of the peer, null when it sent none. */
  readonly goAway: GoAwayInfo | null;
  /** What the transport failed with, undefined when it did not. */
  readonly cause: unknown;
}

/** A stream that was still open when the deadline of a shutdown came. */
export interface CutStream {
  readonly streamId: number;
  readonly method: string;
  readonly path: string;
}

/** How a graceful shutdown went. */
export interface ShutdownReport {
  /** Streams that the deadline cut off; empty when all could finish. */
  readonly cut: readonly CutStream[];
  /** Time it took, milliseconds. */
  readonly elapsedMs: number;
}

/** Time `shutdown` gives open streams unless told otherwise, ms. */
const SHUTDOWN_DEADLINE_MS = 30_000;

/**
 * The inside of a session: the core's handler, which passes what happens on to the streams' links, and what the public
 * connection classes show. Subclasses add what a role knows.
 */
export abstract class SessionState implements Handler {
  readonly core: Connection;
  readonly options: ResolvedOptions;
  readonly pings: PingPong;
  readonly closed: Deferred<CloseInfo> = new Deferred();
  /** Pairs of id and value of the peer's first SETTINGS, in wire order; null before they came. */
  firstSettings: readonly number[] | null = null;
  private settingsWaited: Deferred<Readonly<Settings>> | null = null;
  private goAwayInfo: GoAwayInfo | null = null;
  private pump: Pump | null = null;
  private transportCause: unknown = undefined;
  /** The program has asked for the end. */
  private endedByUser = false;
  private endCode: number = ErrorCode.NO_ERROR;
  /** Streams that the deadline of a shutdown cut off. */
  protected readonly cut: CutStream[] = [];
  protected cutting = false;

  private readonly tuner: WindowTuner | null;
  private readonly listeners: FrameListeners;
  private readonly clock: Clock;

  constructor(role: 'server' | 'client', options: SessionOptions, clock: Clock) {
    checkOptions(options);
    this.listeners = options;
    this.clock = clock;
    const { tap = null } = options;
    // A client's handler always has `onPush`: that the program wants no pushes is said by the option.
    const { enablePush = false } = options;
    this.core = new Connection(
      { ...options, enablePush, automaticPingAck: true, tap, role, handler: this },
      clock.now(),
    );
    this.options = this.core.options;
    this.pings = new PingPong(this.core, clock);
    const { maxTunedWindowSize: max = 0 } = options;
    this.tuner =
      max === 0
        ? null
        : new WindowTuner(this.core, () => this.pings.ping(undefined), this.options.initialWindowSize, max);
  }

  /** Begins to move octets. */
  attach(driver: Driver): void {
    const pump = new Pump(driver, this.core);
    this.pump = pump;
    pump.onFinished = () => {
      this.transportCause = pump.cause;
      this.closed.resolve(this.closeInfo(pump));
      // A response that is kept keeps this, but not the socket it came over.
      this.pump = null;
    };
  }

  /** What the transport failed with, undefined when it did not. */
  private get cause(): unknown {
    return this.pump === null ? this.transportCause : this.pump.cause;
  }

  private closeInfo({ cause, transportEnded }: Pump): CloseInfo {
    const { core, endedByUser } = this;
    const error = endedByUser ? null : core.error;
    let initiator: CloseInfo['initiator'] = 'remote';
    if (endedByUser) initiator = 'user';
    else if (error !== null) initiator = error.initiator;
    // Neither side failed nor asked for the end, and the transport still works: it was idle for too long.
    else if (this.goAwayInfo === null && !transportEnded) initiator = 'library';
    const code = endedByUser ? this.endCode : (error?.code ?? this.goAwayInfo?.code ?? ErrorCode.NO_ERROR);
    return { error, initiator, code, goAway: this.goAwayInfo, cause };
  }

  // Handler -----------------------------------------------------------------------------------------------------------

  onData(stream: Stream, chunk: Uint8Array, endStream: boolean): void {
    if (this.tuner !== null) this.tuner.onData(chunk.length);
    (stream.context as StreamLink).onData(chunk, endStream);
  }

  onTrailers(stream: Stream, fields: FieldList, sensitive: readonly number[] | null): void {
    (stream.context as StreamLink).endReceive(fields, sensitive);
  }

  onWritable(stream: Stream): void {
    (stream.context as StreamLink).onWritable();
  }

  onEndSent(stream: Stream): void {
    (stream.context as StreamLink).onEndSent();
  }

  onReset(stream: Stream, error: H2Error): void {
    const link = stream.context as StreamLink;
    if (error.rule === 'transport.closed') error.cause ??= this.cause;
    if (this.cutting) this.cut.push(link.describe());
    link.fail(error);
  }

  onStreamClosed(stream: Stream): void {
    (stream.context as StreamLink).onClosed();
  }

  onSettings(pairs: readonly number[]): void {
    this.firstSettings ??= pairs;
    this.settingsWaited?.resolve(this.core.remoteSettings);
  }

  onInvalidField(name: string, value: string, rule: FieldRule): FieldVerdict {
    return this.listeners.onInvalidField?.(name, value, rule) ?? 'reject';
  }

  onPong(payload: Uint8Array): void {
    this.pings.onPong(payload);
  }

  onGoAway(lastStreamId: number, code: number, debugData: Uint8Array): void {
    this.goAwayInfo = { lastStreamId, code, debugData: new Uint8Array(debugData) };
  }

  onUnknownFrame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const { onUnknownFrame } = this.listeners;
    if (onUnknownFrame === undefined) return;
    // Not by `slice`, which on a Buffer is a view that holds all that came with it.
    const frame = { type, flags, streamId, payload: new Uint8Array(payload) };
    microtask(() => onUnknownFrame(frame));
  }

  onClosed(error: H2Error | null): void {
    const reason = error ?? closedError(this.cause);
    this.pings.fail(reason);
    if (this.firstSettings === null) this.settingsWaited?.reject(reason);
  }

  // For the connection classes ------------------------------------------------------------------------------------------

  peerSettings(): Promise<Readonly<Settings>> {
    if (this.settingsWaited === null) {
      this.settingsWaited = new Deferred();
      if (this.firstSettings !== null) this.settingsWaited.resolve(this.core.remoteSettings);
      else if (this.core.isClosed) this.settingsWaited.reject(this.core.error ?? closedError(this.cause));
    }
    return this.settingsWaited.promise;
  }

  ping(payload: Uint8Array | undefined): Promise<number> {
    if (!this.core.isClosed) return this.pings.ping(payload);
    return Promise.reject(this.core.error ?? closedError(this.cause));
  }

  async shutdown(options: ShutdownOptions): Promise<ShutdownReport> {
    checkObject('api.shutdown', 'options of a shutdown are an object', options);
    const { deadlineMs = SHUTDOWN_DEADLINE_MS, debugData = '' } = options;
    if (typeof deadlineMs !== 'number' || !(deadlineMs >= 0)) {
      const range = 'it must be a number of 0 or more, or Infinity';
      throw new UsageError('api.deadline', `deadlineMs is ${shown(deadlineMs)}; ${range}`);
    }
    checkDebugData(debugData);
    const { clock } = this;
    const startedAt = clock.now();
    // One that comes after the end cuts nothing.
    let cut: readonly CutStream[] = [];
    if (!this.core.isClosed) {
      cut = this.cut;
      this.endedByUser = true;
      this.core.shutdown(debugData);
    }
    const timer = new Timer(clock);
    if (deadlineMs !== Number.POSITIVE_INFINITY) timer.set(deadlineMs, () => this.cutOff());
    await this.closed.promise;
    timer.clear();
    return { cut, elapsedMs: clock.now() - startedAt };
  }

  private cutOff(): void {
    this.cutting = true;
    this.refuseWaiting();
    this.core.destroy(ErrorCode.NO_ERROR, 'shutdown.deadline');
    this.cutting = false;
  }

  destroy(code: number, debug: string): void {
    checkDebugData(debug);
    checkErrorCode(code);
    if (this.core.isClosed) return;
    this.endedByUser = true;
    this.endCode = code;
    this.refuseWaiting();
    this.core.destroy(code, debug);
  }

  /** The program ends the connection: what it has not been given of the peer's is refused. */
  protected refuseWaiting(): void {}
}

function checkDebugData(debug: unknown): void {
  if (typeof debug !== 'string') throw new UsageError('api.debug-data', `debugData is text, not ${shown(debug)}`);
}

/** What those get who wait for something that a connection closed without an HTTP/2 error will not bring. */
function closedError(cause: unknown): H2Error {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  const error = new H2Error(`the connection is closed${why}`, {
    scope: 'connection',
    code: ErrorCode.NO_ERROR,
    initiator: 'remote',
    rule: 'connection.closed',
  });
  if (cause !== undefined) error.cause = cause;
  return error;
}
