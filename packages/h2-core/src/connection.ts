import { Core } from './core.ts';
import type { Counters } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { ErrorCode, type H2Error, UsageError } from './errors.ts';
import type { AltSvc } from './frame/extension-frames.ts';
import { FrameReader } from './frame/reader.ts';
import { DEFAULT_WINDOW, MAX_STREAM_ID } from './frame/types.ts';
import type { FieldList, Handler, RequestHead } from './handler.ts';
import { Inbound } from './inbound.ts';
import { Lifecycle } from './lifecycle.ts';
import type { EarlyFrame } from './opening/early-frames.ts';
import { ClientPreface } from './opening/preface.ts';
import { acceptUpgrade, requestUpgraded } from './opening/upgrade.ts';
import type { CoreOptions, ResolvedOptions } from './options/options.ts';
import { sharedOptions } from './options/resolve-options.ts';
import { Outbound } from './outbound.ts';
import { ConnectionError } from './rules.ts';
import { initialSettings } from './settings/initial-settings.ts';
import type { Settings } from './settings/settings.ts';
import { SettingsExchange } from './settings/settings-exchange.ts';
import { type Stream, type StreamRecord, StreamState } from './stream/stream.ts';
import type { Tap } from './tap.ts';

/** What a connection is made with. */
export interface ConnectionOptions extends CoreOptions {
  readonly role: 'server' | 'client';
  readonly handler: Handler;
  /** Observer of everything that happens; fixed for the connection's life. Default null. */
  readonly tap?: Tap | null;
}

/** DATA octets cut per `takeOutput` unless told otherwise: bounds what a socket is given at once. */
const DATA_BUDGET = 262_144;

/**
 * One HTTP/2 connection (RFC 9113) without I/O, clock, timers or promises: octets in, octets out, time as an argument.
 *
 * - **in**: `receive`, `receiveEnd`, `handleTimeout`, `acceptUpgrade`, `requestUpgraded`
 * - **commands**: `respond`, `inform`, `request`, `push`, `write`, `trailers`, `reset`, `release`, `ping`, `pong`,
 *   `altSvc`, `origins`, `priorityUpdate`, `prioritise`, `sendUnknownFrame`, `hold`, `done`, `updateSettings`, `setTargetWindowSize`, `shutdown`, `destroy`
 * - **out**: `takeOutput`, `nextTimeout`, `wantsWrite`, `wantsPause`, `isClosed`
 * - **getters**: windows, counts, settings
 *
 * Commands are legal at any time, also inside handler calls; `receive` is not re-entrant. A command on a stream that
 * has ended does nothing, since its end may have crossed the command; other misuse throws a `UsageError`.
 */
export class Connection {
  /** Called when output appears outside `receive` and `handleTimeout`. Set by whoever moves the octets. */
  wake: (() => void) | null = null;
  private readonly core: Core;
  private readonly reader: FrameReader;
  private readonly inbound: Inbound;
  private readonly outbound: Outbound;
  private readonly settings: SettingsExchange;
  private readonly deadlines: Deadlines;
  private readonly lifecycle: Lifecycle;
  /** Null when nothing of it is missing. */
  private preface: ClientPreface | null;
  private busy = false;

  /** `now`: milliseconds on any monotonic clock, the same in all calls. */
  constructor(options: ConnectionOptions, now = 0) {
    const isServer = options.role === 'server';
    const resolved = sharedOptions(options.role, options, options.handler.onPush !== undefined);
    this.core = new Core(isServer, resolved, options.handler, options.tap ?? null, now);
    this.settings = new SettingsExchange(this.core);
    this.lifecycle = new Lifecycle(this.core, () => this.reader.stop());
    this.inbound = new Inbound(this.core, this.settings, this.lifecycle);
    this.settings.decoder = this.inbound.sections.decoder;
    this.outbound = new Outbound(this.core);
    this.reader = new FrameReader(this.inbound);
    this.reader.maxFrameSize = resolved.maxFrameSize;
    this.settings.reader = this.reader;
    this.deadlines = new Deadlines(this.core, this.inbound, this.settings, this.lifecycle);
    const preface = new ClientPreface(this.core);
    this.preface = preface.complete ? null : preface;
    this.core.onFree = () => {
      this.reader.stop();
      this.inbound.free();
      this.outbound.free();
    };
    this.core.onFailedInside = () => this.signal();
    this.settings.send(initialSettings(isServer, resolved));
    if (resolved.initialConnectionWindowSize > DEFAULT_WINDOW) this.core.receiver.grantConnection();
  }

  // In ----------------------------------------------------------------------------------------------------------------

  /** Takes octets from the transport. `chunk` must not change while views of it are in use, see `Handler.onData`. */
  receive(chunk: Uint8Array, now: number): void {
    const { core, preface } = this;
    if (core.closed) return;
    if (this.busy) throw new UsageError('api.reentrant', 'receive was called inside a handler call');
    this.deadlines.tick();
    core.now = now;
    core.lastReceived = now;
    core.counters.octetsReceived += chunk.length;
    this.busy = true;
    try {
      core.guard.judgeSmallData();
      this.reader.receive(chunk, preface === null ? 0 : preface.take(chunk));
      if (preface?.complete) this.preface = null;
      core.guard.replies(core.outbox);
      core.cancelled.heard();
    } catch (error) {
      this.caught(error);
    } finally {
      this.busy = false;
    }
  }

  /** Turns a thrown connection error into GOAWAY; anything else is a defect of the program's handler: passed on. */
  private caught(error: unknown): void {
    const { core } = this;
    if (error instanceof ConnectionError) {
      core.fail(error);
    } else {
      this.busy = false;
      this.destroy(ErrorCode.INTERNAL_ERROR, 'handler failed');
      throw error;
    }
    this.reader.stop();
  }

  /** The transport delivers nothing more: the connection ends, cleanly when no stream is open. */
  receiveEnd(now: number): void {
    const { core } = this;
    if (core.closed) return;
    core.now = now;
    this.lifecycle.transportEnded(core.registry.live.size + this.outbound.queuedRequests);
  }

  /** Does what is due; call it at `nextTimeout()`. */
  handleTimeout(now: number): void {
    if (this.core.closed) return;
    this.deadlines.tick();
    this.core.now = now;
    try {
      this.deadlines.expire(now);
    } catch (error) {
      this.caught(error);
    }
  }

  /**
   * Server: takes over a connection from an HTTP/1.1 Upgrade (RFC 7540 3.2), right after construction. `settings` is the
   * payload decoded from HTTP2-Settings; the request is delivered as stream 1, half-closed (remote), by `onRequest`.
   */
  acceptUpgrade(settings: Uint8Array, head: RequestHead): Stream {
    const stream = acceptUpgrade(this.core, this.settings, settings, head);
    this.signal();
    return stream;
  }

  /**
   * Client: begins on a transport whose server has answered an HTTP/1.1 Upgrade by 101 (RFC 7540 3.2), right after
   * construction. The response to that request comes on the stream returned, 1; our half of it has ended. The request's
   * HTTP2-Settings must have said what the options of this connection say: `initialSettings`.
   */
  requestUpgraded(head: RequestHead, context: unknown = null): Stream {
    return requestUpgraded(this.core, this.settings, head, context);
  }

  // Commands ------------------------------------------------------------------------------------------------------------

  /**
   * Server: sends the final response head. `status` 200..999. `endStream`: there is no body. `sensitive`: positions in
   * `fields` (of the name) of what must never be indexed (RFC 7541 7.1.3). A content-length binds the body, see `write`.
   */
  respond(
    stream: Stream,
    status: number,
    fields: FieldList,
    endStream: boolean,
    sensitive: readonly number[] | null = null,
  ): void {
    try {
      this.outbound.respond(stream as StreamRecord, status, fields, endStream, sensitive);
    } finally {
      // Here and below: what a throwing handler leaves behind is sent all the same.
      this.signal();
    }
  }

  /**
   * Server: sends a 1xx response head (not 101) before the final one. RFC 9110 15.2. `sensitive` as for `respond`.
   */
  inform(stream: Stream, status: number, fields: FieldList, sensitive: readonly number[] | null = null): void {
    this.outbound.inform(stream as StreamRecord, status, fields, sensitive);
    this.signal();
  }

  /**
   * Client: sends a request. While the peer's stream limit is reached it waits, its `id` being 0; `canOpen` tells.
   * Throws a `UsageError` (`api.going-away`) when the connection takes no more requests.
   */
  request(head: RequestHead, endStream: boolean, context: unknown = null): Stream {
    const stream = this.outbound.request(head, endStream, context);
    this.signal();
    return stream;
  }

  /** Server: promises the response to `head` on a new stream, which is then responded to. RFC 9113 8.4. */
  push(stream: Stream, head: RequestHead): Stream {
    const promised = this.outbound.push(stream as StreamRecord, head);
    this.signal();
    return promised;
  }

  /**
   * Sends body octets, which belong to the core from now on. Returns false when the stream's send buffer is full: the
   * caller should wait for `onWritable` (more is accepted, but grows without bound). Where the head has a content-length,
   * octets beyond it are refused and an end short of it resets the stream with INTERNAL_ERROR: both throw a `UsageError`
   * (`api.content-length`), so that the peer never sees a body of another length (RFC 9113 8.1.1).
   */
  write(stream: Stream, chunk: Uint8Array, endStream: boolean): boolean {
    try {
      return this.outbound.write(stream as StreamRecord, chunk, endStream);
    } finally {
      this.signal();
    }
  }

  /** Ends our half with trailer fields, after all octets written. RFC 9113 8.1. `sensitive` as for `respond`. */
  trailers(stream: Stream, fields: FieldList, sensitive: readonly number[] | null = null): void {
    try {
      this.outbound.trailers(stream as StreamRecord, fields, sensitive);
    } finally {
      this.signal();
    }
  }

  /** Ends a stream with RST_STREAM. `reason` goes to the tap only. */
  reset(stream: Stream, code: number, reason = ''): void {
    try {
      this.outbound.reset(stream as StreamRecord, code, reason);
    } finally {
      this.signal();
    }
  }

  /**
   * Gives received octets back to the windows. More than are held throws `api.over-release`; on a stream that has ended
   * nothing happens, its octets having gone back by themselves.
   */
  release(stream: Stream, bytes: number): void {
    this.outbound.release(stream as StreamRecord, bytes);
    this.signal();
  }

  /**
   * Server: the program works on for this stream even if the client resets it (as a gateway whose backend is busy): it
   * counts towards `maxConcurrentStreams` until `done`. Without this, resetting buys a client unlimited work.
   */
  hold(stream: Stream): void {
    const record = stream as StreamRecord;
    if (record.state !== StreamState.CLOSED) record.held = true;
  }

  /** The work for a stream that was held is over. */
  done(stream: Stream): void {
    this.core.letGo(stream as StreamRecord);
  }

  /**
   * Sends PING with 8 octets; the answer comes as `onPong`. RFC 9113 6.7. Throws `api.ping` for payloads of another length and
   * for the three that the library uses itself (in ASCII: glaskeep, glasstop, glascanc).
   */
  ping(payload: Uint8Array): void {
    this.lifecycle.sendPing(payload);
    this.signal();
  }

  /**
   * Answers a PING that `Handler.onPing` told of, with its 8 octets; for connections without `automaticPingAck`. Throws
   * `api.pong` when none is to be answered. RFC 9113 6.7.
   */
  pong(payload: Uint8Array): void {
    this.lifecycle.answerPing(payload);
    this.signal();
  }

  /** Server: sets a stream's priority, whatever the client said. `urgency` 0 (first) to 7. RFC 9218 8. */
  prioritise(stream: Stream, urgency: number, incremental: boolean): void {
    this.core.priorities.override(stream as StreamRecord, urgency, incremental);
  }

  /** Server: advertises an alternative service, on stream 0 for `service.origin`, else for the stream's. RFC 7838 4. */
  altSvc(streamId: number, service: AltSvc): void {
    this.core.extensions.altSvc(streamId, service);
    this.signal();
  }

  /** Server: names the origins it answers for on this connection. RFC 8336. */
  origins(origins: readonly string[]): void {
    this.core.extensions.origins(origins);
    this.signal();
  }

  /** Client: changes the priority of a request, sent or still to come; `value` as in the Priority field. RFC 9218 7.1. */
  priorityUpdate(streamId: number, value: string): void {
    this.core.extensions.priorityUpdate(streamId, value);
    this.signal();
  }

  /** Sends a frame of a type this core does not know; the peer may ignore it. RFC 9113 5.5. */
  sendUnknownFrame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.core.extensions.unknown(type, flags, streamId, payload);
    this.signal();
  }

  /** Sends SETTINGS (pairs of id and value); they take effect with their acknowledgement. Several may be in flight. */
  updateSettings(pairs: readonly number[]): void {
    const { core } = this;
    if ((pairs.length & 1) !== 0) throw new UsageError('api.settings', 'settings are pairs of id and value');
    if (core.closed) return;
    this.settings.change(pairs);
    this.signal();
  }

  /** Changes the size the connection's receive window is kept at, octets 0..2^31-1. */
  setTargetWindowSize(bytes: number): void {
    this.core.resizeWindow(bytes);
    this.signal();
  }

  /**
   * Graceful shutdown (RFC 9113 6.8). Server: GOAWAY(2^31-1) and PING; when the PING returns (or after 1 s) GOAWAY with
   * the last stream. Both roles: open streams finish, then the connection closes.
   */
  shutdown(debug = ''): void {
    try {
      this.lifecycle.shutdown(debug);
    } finally {
      this.signal();
    }
  }

  /**
   * Ends the connection at once: GOAWAY with `code`, all streams given up. `initiator` `library` is for layers above that
   * hold a rule of their own, whose id is then `debug`.
   */
  destroy(code: number, debug = '', initiator: 'user' | 'library' = 'user'): void {
    try {
      this.lifecycle.destroy(code, debug, initiator);
    } finally {
      this.signal();
    }
  }

  // Out -----------------------------------------------------------------------------------------------------------------

  /** Tells the transport's mover that there is output, unless it will look by itself. */
  private signal(): void {
    if (!this.busy && this.wake !== null && this.wantsWrite) this.wake();
  }

  /**
   * Everything to write now, in order, for one gathered write. At most `dataBudget` octets of DATA are cut; 0: only what
   * needs no window. The views must not be changed; they are not kept here. `now`, when given, is when they leave: what is
   * timed from then on (graceful shutdown, acknowledgements, idleness) is timed from it.
   */
  takeOutput(dataBudget: number = DATA_BUDGET, now: number = this.core.now): readonly Uint8Array[] {
    const { core } = this;
    core.now = now;
    const wasBusy = this.busy;
    this.busy = true;
    try {
      core.cut(dataBudget);
    } catch (error) {
      this.caught(error);
    } finally {
      this.busy = wasBusy;
    }
    this.deadlines.stamp();
    const parts = core.outbox.take();
    for (const part of parts) core.counters.octetsSent += part.length;
    return parts;
  }

  /** True when `takeOutput` would return something. */
  get wantsWrite(): boolean {
    const { core } = this;
    return !core.outbox.isEmpty || (!core.closed && core.sender.canSend);
  }

  /**
   * True when reading should pause, to be looked at again after `takeOutput` and `handleTimeout`: the peer asks for replies
   * or, of a server, responses faster than it reads them, or resets most of what it asks for.
   */
  get wantsPause(): boolean {
    const { core } = this;
    return core.guard.isAnswering(core.outbox) || core.now < core.guard.pausedUntil;
  }

  /** True when the connection is over; take the output, then end the transport. */
  get isClosed(): boolean {
    return this.core.closed;
  }

  /** Milliseconds (on the caller's clock) at which `handleTimeout` should be called; Infinity: never. */
  nextTimeout(): number {
    return this.core.closed ? Number.POSITIVE_INFINITY : this.deadlines.next();
  }

  /** Tells the tap whether the transport takes octets. */
  noteTransport(writable: boolean): void {
    const { tap, sender } = this.core;
    sender.transportFull = !writable;
    if (tap === null) return;
    tap.onTransport(writable);
    if (!writable) sender.tellWaiting();
  }

  // Getters -------------------------------------------------------------------------------------------------------------

  /** The options with every value settled. */
  get options(): ResolvedOptions {
    return this.core.options;
  }

  /** Client: a request made now opens its stream at once. */
  get canOpen(): boolean {
    return this.outbound.canOpen;
  }

  /** Server: the client accepts promises, `stream` can carry one, and one more may be open now. See `push`. */
  canPush(stream: Stream): boolean {
    return this.outbound.barToPush(stream as StreamRecord) === null;
  }

  /** GOAWAY was sent or received: no new requests; the connection ends with its last stream. */
  get isDraining(): boolean {
    return this.core.draining || this.core.goAwaySent <= MAX_STREAM_ID;
  }

  /** Why the connection ended; null while it is open and after a clean end. */
  get error(): H2Error | null {
    return this.core.error;
  }

  /** Streams on the books: open, half-closed and reserved. */
  get openStreams(): number {
    return this.core.registry.live.size;
  }

  /** The live stream with this number, undefined when there is none. */
  stream(id: number): Stream | undefined {
    return this.core.registry.live.get(id);
  }

  /** What this connection has done so far, at this moment. */
  get counters(): Readonly<Counters> {
    const { counters, outbox, sender } = this.core;
    return { ...counters, framesSent: outbox.frames, bodyOctetsSent: sender.sent };
  }

  /** The frames the peer began with, up to and with its first HEADERS: at most 32. */
  get earlyFrames(): readonly EarlyFrame[] {
    return this.core.early.list();
  }

  /** Octets the peer allows us to send on the connection. */
  get sendWindow(): number {
    return this.core.sender.window;
  }

  /** Octets the peer may still send on the connection. */
  get receiveWindow(): number {
    return this.core.receiver.window;
  }

  /** The size the connection's receive window is kept at, octets; see `setTargetWindowSize`. */
  get receiveTarget(): number {
    return this.core.receiver.target;
  }

  /** Received octets not yet released, over all streams. */
  get unreleasedBytes(): number {
    return this.core.receiver.unreleased;
  }

  /** Streams the peer may have open at once: as our settings say, a lower number once it has acknowledged that. */
  get maxRemoteStreams(): number {
    return this.core.maxRemoteStreams;
  }

  /** Our settings as acknowledged by the peer. */
  get localSettings(): Readonly<Settings> {
    return this.core.local;
  }

  /** The peer's settings. */
  get remoteSettings(): Readonly<Settings> {
    return this.core.remote;
  }
}
