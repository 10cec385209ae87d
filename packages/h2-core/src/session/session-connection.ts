/// <reference lib="esnext.disposable" preserve="true" />

import type { Connection } from '../connection.ts';
import type { Counters } from '../counters.ts';
import { ErrorCode, type H2Error, UsageError } from '../errors.ts';
import { MAX_WINDOW } from '../frame/types.ts';
import { SettingId, type Settings } from '../settings/settings.ts';
import { shown } from '../shown.ts';
import { inspectAsText } from './inspect.ts';
import type { CloseInfo, SessionState, ShutdownReport } from './session-state.ts';

const MAX_UINT32 = 0xffff_ffff;

/** How `shutdown` goes about. */
export interface ShutdownOptions {
  /** Time open streams get to finish, milliseconds, 0 or more. Default 30,000; `Infinity`: as long as they need. */
  readonly deadlineMs?: number;
  /** Text for GOAWAY's debug data, ASCII. Default empty. */
  readonly debugData?: string;
}

/** What connections of both roles have in common. They drive themselves: nothing has to be polled. */
export abstract class SessionConnection<Report extends ShutdownReport = ShutdownReport> {
  protected readonly session: SessionState;

  constructor(session: SessionState) {
    this.session = session;
  }

  /** The sans-I/O connection below: more getters, SETTINGS by number, commands by stream. */
  get core(): Connection {
    return this.session.core;
  }

  /** How the connection ended; settles once its last octets have been handed to the transport. Never fails. */
  get closed(): Promise<CloseInfo> {
    return this.session.closed.promise;
  }

  /** True when the connection is over. */
  get isClosed(): boolean {
    return this.core.isClosed;
  }

  /** True when GOAWAY was sent or received: no new streams, open ones finish. */
  get isDraining(): boolean {
    return this.core.isDraining;
  }

  /** Why the connection ended; null while it is open and after a clean end. */
  get error(): H2Error | null {
    return this.core.error;
  }

  // Ending ------------------------------------------------------------------------------------------------------------

  /**
   * Ends gracefully (RFC 9113 6.8): announces the end by GOAWAY, lets open streams finish, cuts off what is left at the
   * deadline, and tells which streams that were. May be called again: the earliest deadline holds, and every report has all
   * that was cut while it was awaited. A deadline that is none fails with a `UsageError` (`api.deadline`), and nothing happens.
   */
  abstract shutdown(options?: ShutdownOptions): Promise<Report>;

  /** Ends at once: GOAWAY with `code` and `debugData` (ASCII), all streams given up. */
  destroy(code: number = ErrorCode.CANCEL, debugData = ''): void {
    this.session.destroy(code, debugData);
  }

  /** `shutdown()` with its default deadline. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  // PING ----------------------------------------------------------------------------------------------------------------

  /**
   * Sends PING (8 octets; made up by default) and gives the round-trip time in milliseconds. Several may be under way.
   * Fails with an `H2Error` when the connection ends before the answer, and with a `UsageError` (`api.ping`) for a payload
   * of another length or one of the three that the library uses itself, see `Connection.ping`.
   */
  ping(payload?: Uint8Array): Promise<number> {
    return this.session.ping(payload);
  }

  // Windows and SETTINGS --------------------------------------------------------------------------------------------------

  /** Octets the peer allows us to send on the connection. */
  get sendWindow(): number {
    return this.core.sendWindow;
  }

  /** Octets the peer may still send on the connection. */
  get receiveWindow(): number {
    return this.core.receiveWindow;
  }

  /** Received octets that are not released yet, over all streams. */
  get unreleasedBytes(): number {
    return this.core.unreleasedBytes;
  }

  /** Changes the size the connection's receive window is kept at, octets 0..2^31-1. */
  setTargetWindowSize(octets: number): void {
    this.core.setTargetWindowSize(octets);
  }

  /** Changes the receive window of streams, octets 0..2^31-1; takes effect when the peer has acknowledged it. */
  setInitialWindowSize(octets: number): void {
    checkRange('a window size', octets, MAX_WINDOW);
    this.core.updateSettings([SettingId.INITIAL_WINDOW_SIZE, octets]);
  }

  /**
   * Changes how many streams the peer may have open, 0..2^32-1. More counts at once, fewer when the peer has acknowledged
   * it; open streams stay.
   */
  setMaxConcurrentStreams(streams: number): void {
    checkRange('a number of streams', streams, MAX_UINT32);
    this.core.updateSettings([SettingId.MAX_CONCURRENT_STREAMS, streams]);
  }

  /** The peer's settings, once its first SETTINGS came; live from then on. Fails when the connection ends before. */
  get peerSettings(): Promise<Readonly<Settings>> {
    return this.session.peerSettings();
  }

  /** The peer's first SETTINGS as sent - id, value, id, value ..., order and unknown ids kept; null before they came. */
  get peerSettingsPairs(): readonly number[] | null {
    return this.session.firstSettings;
  }

  /** Our settings as acknowledged by the peer. */
  get localSettings(): Readonly<Settings> {
    return this.core.localSettings;
  }

  // Streams ---------------------------------------------------------------------------------------------------------------

  /** Streams the peer lets us have open at once; Infinity without a limit. RFC 9113 5.1.2. */
  get maxConcurrentSendStreams(): number {
    return this.core.remoteSettings.maxConcurrentStreams;
  }

  /** Streams we let the peer have open at once, as acknowledged; Infinity before that. */
  get maxConcurrentReceiveStreams(): number {
    return this.core.localSettings.maxConcurrentStreams;
  }

  /** Streams open now: open, half-closed and reserved. */
  get openStreams(): number {
    return this.core.openStreams;
  }

  /** True while there is a stream. */
  get hasStreams(): boolean {
    return this.core.openStreams !== 0;
  }

  /** Octets, frames and streams so far, under stable names. */
  get counters(): Readonly<Counters> {
    return this.core.counters;
  }

  /** For people: its state and how many streams it has. */
  toString(): string {
    return `${this.constructor.name}, ${this.isClosed ? 'closed' : this.isDraining ? 'draining' : 'open'}, streams: ${this.openStreams}`;
  }

  static {
    inspectAsText(SessionConnection.prototype);
  }
}

function checkRange(what: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new UsageError('api.setting', `${shown(value)} is not ${what}: it must be an integer from 0 to ${max}`);
}
