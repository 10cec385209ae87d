import { Encoder } from '@glassway/hpack';
import { type Counters, newCounters } from './counters.ts';
import { ErrorCode, H2Error, type Initiator, UsageError } from './errors.ts';
import { Extensions } from './extensions.ts';
import { type Padder, padderOf } from './flow/padding.ts';
import { Receiver } from './flow/receiver.ts';
import { Sender, type SenderHost } from './flow/sender.ts';
import { ascii } from './frame/bytes.ts';
import { FrameType, MAX_STREAM_ID, MAX_WINDOW } from './frame/types.ts';
import { CancelledSlots } from './guard/cancelled-slots.ts';
import { Guard } from './guard/guard.ts';
import type { Handler } from './handler.ts';
import { HpackObserver } from './message/hpack-observer.ts';
import { UNSENT } from './moment.ts';
import { EarlyFrames } from './opening/early-frames.ts';
import { INITIAL_MAX_STREAMS, MAX_DEBUG_DATA } from './options/limits.ts';
import type { ResolvedOptions } from './options/options.ts';
import { Outbox } from './outbox.ts';
import { Priorities } from './priorities.ts';
import { type ConnectionError, RULES, type RuleId } from './rules.ts';
import { Settings } from './settings/settings.ts';
import { shown } from './shown.ts';
import { Gone } from './stream/gone.ts';
import { StreamRegistry } from './stream/registry.ts';
import { StreamEvent, transition } from './stream/state.ts';
import { type StreamRecord, StreamState } from './stream/stream.ts';
import { Direction, type Tap } from './tap.ts';

const NO_STREAMS: StreamRecord[] = [];

/** What the parts of a connection share: its state, and the few operations that change streams or end everything. */
export class Core implements SenderHost {
  readonly isServer: boolean;
  readonly options: ResolvedOptions;
  readonly handler: Handler;
  readonly tap: Tap | null;
  readonly registry: StreamRegistry;
  readonly outbox: Outbox = new Outbox();
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly encoder: Encoder;
  readonly counters: Counters = newCounters();
  /** What the peer began with. */
  readonly early: EarlyFrames = new EarlyFrames();
  /** How frames are padded; null: not. */
  readonly padder: Padder | null;
  readonly guard: Guard;
  readonly priorities: Priorities;
  readonly extensions: Extensions;
  readonly cancelled: CancelledSlots;
  /** Streams that have ended but for which the program still works, see `Connection.hold`. */
  heldStreams = 0;
  /** Size of the field sections of all open streams. */
  headerBytes = 0;
  /** Ours as acknowledged by the peer, and the peer's. */
  readonly local: Settings = new Settings();
  readonly remote: Settings = new Settings();

  /** Milliseconds, as told by the last call into the connection. */
  now: number;
  /** When octets last came, ms. */
  lastReceived: number;
  /** Since when there is no stream, ms, UNSENT until output was taken; meaningless while there are some. */
  idleSince: number;
  /** Nothing is read or sent any more, but for what the outbox still holds. */
  closed = false;
  error: H2Error | null = null;
  /** Last stream named in a GOAWAY of ours / of the peer; above MAX_STREAM_ID: none yet. */
  goAwaySent: number = MAX_STREAM_ID + 1;
  goAwayReceived: number = MAX_STREAM_ID + 1;
  /** Code of the last GOAWAY of the peer. */
  goAwayCode: number = ErrorCode.NO_ERROR;
  /** The connection ends when its last stream does. */
  draining = false;
  /** Streams whose `onWritable` is due after the current cut. */
  roomy: StreamRecord[] = NO_STREAMS;
  /** Called when a stream of ours has closed or the peer's limit rose: a waiting request may open. */
  onSlot: (() => void) | null = null;
  /** Called when the connection has ended: what was kept for reading is let go. */
  onFree: (() => void) | null = null;
  /** Called when a function of the program's has ended the connection: its GOAWAY is to be sent. */
  onFailedInside: (() => void) | null = null;
  /** Called when the connection ends: requests that were never sent are to be told. */
  onEnd: ((error: H2Error | null) => void) | null = null;
  /** Streams the peer may have open: what our settings say, a lower number once the peer has acknowledged it. */
  maxRemoteStreams: number;
  /** The commands, once they are there. */
  outbound: { flushTrailers(stream: StreamRecord): void } | null = null;

  constructor(isServer: boolean, options: ResolvedOptions, handler: Handler, tap: Tap | null, now: number) {
    this.isServer = isServer;
    this.options = options;
    this.handler = handler;
    this.tap = tap;
    this.now = now;
    this.lastReceived = now;
    this.idleSince = now;
    this.maxRemoteStreams = options.maxConcurrentStreams;
    if (!isServer) this.remote.maxConcurrentStreams = INITIAL_MAX_STREAMS;
    this.registry = new StreamRegistry(isServer, options.maxConcurrentResetStreams, options.resetStreamDurationMs);
    this.guard = new Guard(isServer, options, tap, this.counters);
    this.priorities = new Priorities(this);
    this.extensions = new Extensions(this);
    this.cancelled = new CancelledSlots(this, options.holdCancelledSlots);
    this.padder = padderOf(options.padding);
    this.sender = new Sender(this.outbox, this, tap, options, this.padder);
    this.receiver = new Receiver(this.outbox, tap, options.initialConnectionWindowSize, options.initialWindowSize);
    const observer = tap === null ? null : new HpackObserver(tap, Direction.OUT);
    const indexing = options.indexing === 'default' ? null : options.indexing;
    this.encoder = new Encoder({ maxTableSize: options.encoderTableSize, indexing, tap: observer });
  }

  // Streams -----------------------------------------------------------------------------------------------------------

  /** Enters a stream into the books in its first state. */
  open(stream: StreamRecord, state: StreamState): void {
    const from = stream.state;
    stream.state = state;
    this.counters.streamsOpened++;
    this.registry.live.add(stream);
    if (state !== StreamState.RESERVED_LOCAL && state !== StreamState.RESERVED_REMOTE) this.count(stream, 1);
    if (this.tap !== null) this.tap.onStreamState(stream.id, from, state);
  }

  /** Counts a stream towards (or off) its opener's concurrency. RFC 9113 5.1.2. */
  private count(stream: StreamRecord, by: number): void {
    if (stream.local) this.registry.localCount += by;
    else this.registry.remoteCount += by;
  }

  /** Applies a legal event; entering `closed` is finished by `settle`, after the handler has heard of the event. */
  move(stream: StreamRecord, event: StreamEvent): void {
    const from = stream.state;
    const to = transition(from, event) as StreamState;
    if (to === from) return;
    if (from === StreamState.RESERVED_LOCAL || from === StreamState.RESERVED_REMOTE) this.count(stream, 1);
    stream.state = to;
    if (this.tap !== null) this.tap.onStreamState(stream.id, from, to);
  }

  /** Takes a stream off the books once both halves have ended. */
  settle(stream: StreamRecord): void {
    if (stream.state === StreamState.CLOSED) this.offTheBooks(stream, Gone.ENDED);
  }

  private offTheBooks(stream: StreamRecord, how: Gone): void {
    if (this.registry.live.get(stream.id) === stream) this.forget(stream, how);
  }

  /** Off the books first: whatever is called out to below may throw, and must not find half of it done. */
  private forget(stream: StreamRecord, how: Gone): void {
    this.registry.close(stream, how, this.now);
    this.count(stream, -1);
    this.counters.streamsClosed++;
    if (how !== Gone.ENDED) this.counters.streamsReset++;
    if (stream.held) {
      stream.heldAfterEnd = true;
      this.heldStreams++;
    }
    this.headerBytes -= stream.headerBytes;
    if (how === Gone.ENDED) this.guard.streamDone(this.now);
    this.guard.released(stream, 1, 1);
    this.sender.drop(stream);
    if (this.registry.live.size === 0) this.idleSince = UNSENT;
    try {
      this.receiver.closeStream(stream);
      this.handler.onStreamClosed?.(stream);
    } finally {
      if (stream.id === MAX_STREAM_ID) this.idsUsedUp();
      if (stream.local && this.onSlot !== null) this.onSlot();
      this.checkDrained();
    }
  }

  /** The program's work for a stream that was held is over. */
  letGo(stream: StreamRecord): void {
    if (!stream.held) return;
    stream.held = false;
    // Not by its state: it is closed before it is off the books.
    if (stream.heldAfterEnd) this.heldStreams--;
  }

  /**
   * Closes a stream without END_STREAM and tells the handler of `error`, null: the program itself asked for it. Closed
   * comes first: what the handler does to the stream is void then, and if it ends the connection the stream is gone already.
   */
  private cutOff(stream: StreamRecord, how: Gone, error: H2Error | null): void {
    this.sender.drop(stream);
    const from = stream.state;
    if (from === StreamState.CLOSED) {
      this.offTheBooks(stream, how);
      return;
    }
    if (from === StreamState.RESERVED_LOCAL || from === StreamState.RESERVED_REMOTE) this.count(stream, 1);
    stream.state = StreamState.CLOSED;
    try {
      if (this.tap !== null) this.tap.onStreamState(stream.id, from, StreamState.CLOSED);
      if (error !== null) this.handler.onReset?.(stream, error);
    } finally {
      this.offTheBooks(stream, how);
    }
  }

  /** Sends RST_STREAM and closes the stream. The handler is told unless the program itself asked for it. */
  reset(stream: StreamRecord, code: number, initiator: Initiator, error: H2Error | null, reason: string): void {
    this.writeReset(stream.id, code, initiator, reason);
    this.cutOff(stream, Gone.RESET_BY_US, error);
  }

  /** Writes RST_STREAM and tells the tap. */
  writeReset(streamId: number, code: number, initiator: Initiator, reason: string): void {
    this.outbox.rstStream(streamId, code, initiator !== 'user');
    if (this.tap === null) return;
    this.tap.onReset(streamId, code, initiator, reason);
    this.tellFrame(FrameType.RST_STREAM, 0, streamId, 4, code);
  }

  /** The peer broke a rule on a live stream: RST_STREAM with the rule's code (RFC 9113 5.4.2). */
  streamError(stream: StreamRecord, rule: RuleId, frameType: number, detail = ''): void {
    const error = this.ruleError(rule, stream.id, frameType, detail);
    const early = !stream.local && !stream.headSent;
    this.reset(stream, error.code, 'library', error, rule);
    if (error.code === ErrorCode.REFUSED_STREAM) {
      this.chargeRefusal(rule, stream.id, frameType);
      return;
    }
    this.guard.streamEnded(early, this.now);
    this.guard.peerError(stream.id, frameType, this.now);
  }

  /**
   * The same where no stream is on the books (any more, or yet). What follows on it is ignored: RFC 9113 5.4.2 asks for no
   * more than one RST_STREAM.
   */
  strayError(streamId: number, rule: RuleId, frameType: number, detail = ''): void {
    const error = this.ruleError(rule, streamId, frameType, detail);
    this.writeReset(streamId, error.code, 'library', rule);
    this.registry.remember(streamId, Gone.RESET_BY_US, this.now);
    this.handler.onRejected?.(streamId, error);
    // Each costs us a frame and, for a request, the decoding of its head: charged like a reset by the peer.
    if (error.code === ErrorCode.REFUSED_STREAM) {
      this.chargeRefusal(rule, streamId, frameType);
      return;
    }
    this.guard.streamEnded(true, this.now);
    this.guard.peerError(streamId, frameType, this.now);
  }

  /**
   * What we have no room for is no error, and may be sent again; but a peer that reads its RST_STREAMs could do so for ever,
   * each time for the decoding of a head. Not charged is what a peer may send that does not know the limit yet: `local`, what
   * it has acknowledged, names none before.
   */
  private chargeRefusal(rule: RuleId, streamId: number, frameType: number): void {
    const crowded = rule === 'stream.refused' && this.local.maxConcurrentStreams <= this.maxRemoteStreams;
    if (crowded || rule === 'headers.memory') this.guard.odd('odd.refused', streamId, frameType, this.now);
  }

  private ruleError(rule: RuleId, streamId: number, frameType: number, detail: string): H2Error {
    const { code, rfc, text } = RULES[rule];
    const message = detail === '' ? text : `${text} (${detail})`;
    if (this.tap !== null) this.tap.onViolation(rule, rfc, streamId, frameType, message);
    const retryable = code === ErrorCode.REFUSED_STREAM;
    return new H2Error(message, { scope: 'stream', code, initiator: 'library', rule, rfc, streamId, retryable });
  }

  /** The peer reset the stream: the handler hears of it, nothing is sent. */
  resetByPeer(stream: StreamRecord, code: number): void {
    if (this.tap !== null) this.tap.onReset(stream.id, code, 'remote', '');
    const error = new H2Error('the peer reset the stream', {
      scope: 'stream',
      code,
      initiator: 'remote',
      rule: '',
      streamId: stream.id,
      retryable: code === ErrorCode.REFUSED_STREAM,
    });
    const early = !stream.local && !stream.headSent;
    this.cutOff(stream, Gone.RESET_BY_PEER, error);
    this.guard.streamEnded(early, this.now);
  }

  // Windows and output ------------------------------------------------------------------------------------------------

  /** Cuts up to `budget` octets of DATA, telling those streams whose queues have room again by that. */
  cut(budget: number): void {
    let left = budget;
    while (!this.closed && left > 0) {
      left -= this.sender.cut(left);
      if (this.roomy.length === 0) return;
      const { roomy } = this;
      this.roomy = NO_STREAMS;
      for (const stream of roomy) {
        // One may have ended since, perhaps when the handler heard of another.
        if (stream.state !== StreamState.CLOSED) this.handler.onWritable?.(stream);
      }
    }
  }

  /** Changes the size the connection's receive window is kept at, octets 0..2^31-1. */
  resizeWindow(bytes: number): void {
    if (!Number.isInteger(bytes) || bytes < 0 || bytes > MAX_WINDOW) {
      this.misuse('api.window', `window size ${shown(bytes)} is not within 0 and 2^31-1`);
    }
    if (!this.closed) this.receiver.setTarget(bytes);
  }

  // SenderHost --------------------------------------------------------------------------------------------------------

  onEndSent(stream: StreamRecord): void {
    // After trailers too: they close our half just as the last DATA does.
    this.move(stream, StreamEvent.SEND_DATA_END);
    try {
      this.handler.onEndSent?.(stream);
    } finally {
      this.settle(stream);
    }
  }

  onTrailersDue(stream: StreamRecord): void {
    if (this.outbound !== null) this.outbound.flushTrailers(stream);
  }

  onRoom(stream: StreamRecord): void {
    stream.wantsWritable = false;
    if (this.roomy === NO_STREAMS) this.roomy = [stream];
    else this.roomy.push(stream);
  }

  // The end -----------------------------------------------------------------------------------------------------------

  /** Writes GOAWAY; `lastStreamId` never rises (RFC 9113 6.8). */
  goAway(lastStreamId: number, code: number, debug: string): void {
    this.goAwaySent = Math.min(lastStreamId, this.goAwaySent);
    const data = ascii(this.options.goAwayDebugData ? debug.slice(0, MAX_DEBUG_DATA) : '');
    this.outbox.goAway(this.goAwaySent, code, data);
    if (this.tap === null) return;
    this.tap.onGoAway(Direction.OUT, this.goAwaySent, code, debug);
    this.tellFrame(FrameType.GOAWAY, 0, 0, 8 + data.length, code);
  }

  /** A rule of the connection was broken: GOAWAY with the rule as debug data, then the end (RFC 9113 5.4.1). */
  fail(error: ConnectionError): void {
    if (this.closed) return;
    const { rule, streamId, code } = error;
    const rfc = RULES[rule].rfc;
    if (this.tap !== null) this.tap.onViolation(rule, rfc, streamId, error.frameType, error.message);
    this.goAway(this.registry.lastRemoteId, code, rule);
    this.end(new H2Error(error.message, { scope: 'connection', code, initiator: 'library', rule, rfc, streamId }));
  }

  /**
   * A function of the program's threw where that cannot be undone: GOAWAY with INTERNAL_ERROR, then the end. Throws nothing,
   * for the program is to see what it threw first.
   */
  failInside(): void {
    if (this.closed) return;
    const code = ErrorCode.INTERNAL_ERROR;
    const rule = 'connection.destroyed';
    const text = 'a function of the program failed';
    try {
      try {
        this.goAway(this.registry.lastRemoteId, code, text);
      } finally {
        this.end(new H2Error(text, { scope: 'connection', code, initiator: 'user', rule }));
      }
    } catch {
      // A handler or tap that fails as well; every stream has had its end all the same.
    }
    this.onFailedInside?.();
  }

  /**
   * Ends the connection: every stream is told, everything is freed. `error` null: a clean end. A handler that throws when
   * it hears of one stream leaves the others their end; its error is thrown when all have had it.
   */
  end(error: H2Error | null): void {
    if (this.closed) return;
    this.closed = true;
    this.error = error;
    this.onSlot = null;
    this.receiver.stopped = true;
    const thrown: unknown[] = [];
    const tell = (what: () => void): void => {
      try {
        what();
      } catch (cause) {
        thrown.push(cause);
      }
    };
    tell(() => this.onEnd?.(error));
    for (const stream of this.registry.live.values()) tell(() => this.abandon(stream, error));
    this.roomy = NO_STREAMS;
    this.encoder.end();
    this.onFree?.();
    // What was charged for a frame that ended the connection belongs to no stream.
    this.receiver.unreleased = 0;
    tell(() => this.handler.onClosed?.(error));
    if (thrown.length !== 0) throw thrown[0];
  }

  /** Closes a stream because the connection ends or the peer will not process it. */
  abandon(stream: StreamRecord, cause: H2Error | null): void {
    // The handler may have ended it when it heard of another.
    if (this.registry.live.get(stream.id) !== stream) return;
    const error =
      cause ??
      new H2Error('the connection was closed', {
        scope: 'connection',
        code: ErrorCode.CANCEL,
        initiator: 'user',
        rule: 'connection.closed',
        streamId: stream.id,
      });
    this.cutOff(stream, Gone.RESET_BY_US, error);
  }

  /**
   * The stream with the highest number has ended (RFC 9113 5.1.1): others finish, further requests need another connection.
   */
  private idsUsedUp(): void {
    if (this.closed || this.draining) return;
    this.goAway(this.registry.lastRemoteId, ErrorCode.NO_ERROR, 'stream.ids-used-up');
    this.draining = true;
  }

  /** Ends a draining connection whose last stream is gone. */
  checkDrained(): void {
    if (!this.draining || this.closed || this.registry.live.size !== 0) return;
    // RFC 9113 6.8: who received GOAWAY sends one too before it closes.
    if (this.goAwaySent > MAX_STREAM_ID) this.goAway(this.registry.lastRemoteId, ErrorCode.NO_ERROR, '');
    this.end(null);
  }

  /** Tells the tap of a frame just written; its payload are the last octets of the outbox. */
  tellFrame(type: number, flags: number, streamId: number, length: number, aux: number): void {
    const stream = streamId === 0 ? undefined : this.registry.live.get(streamId);
    const { buffer, length: end } = this.outbox.octets;
    (this.tap as Tap).onFrame(
      Direction.OUT,
      type,
      flags,
      streamId,
      length,
      this.sender.window,
      stream === undefined ? 0 : stream.sendWindow,
      aux,
      buffer,
      Math.max(0, end - length),
    );
  }

  /** Throws the mistake of a program that uses a stream after its end or a connection that is over. */
  misuse(rule: string, message: string): never {
    throw new UsageError(rule, message);
  }
}
