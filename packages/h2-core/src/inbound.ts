import type { Core } from './core.ts';
import { ErrorCode, H2Error } from './errors.ts';
import { printable, uint16, uint31, uint32 } from './frame/bytes.ts';
import type { FrameSink } from './frame/reader.ts';
import { DATA_FLAGS, Flag, FrameType, MAX_STREAM_ID, MAX_WINDOW, undefinedFlags } from './frame/types.ts';
import { InboundSections } from './inbound-sections.ts';
import { MAX_DEBUG_DATA } from './options/limits.ts';
import { ConnectionError } from './rules.ts';
import type { SettingsExchange } from './settings/settings-exchange.ts';
import { Gone } from './stream/gone.ts';
import { Illegal, StreamEvent, transition } from './stream/state.ts';
import { type StreamRecord, StreamState } from './stream/stream.ts';
import { Direction } from './tap.ts';

/** `HTTP/1.1` in the place of a frame header has this type: the fourth letter. */
const HTTP1_TYPE = 0x50;

/** Whom PINGs concern. The 8 octets from `start` are valid during the call. */
export interface PingListener {
  onPing(bytes: Uint8Array, start: number): void;
  pong(bytes: Uint8Array, start: number): void;
}

/**
 * What received frames do: one switch over the frame types (RFC 9113 6). Connection errors are thrown as
 * `ConnectionError` and caught once by `Connection.receive`; stream errors are resets issued by a call.
 */
export class Inbound implements FrameSink {
  readonly sections: InboundSections;
  /** The peer's first SETTINGS came in. */
  settingsSeen = false;
  private readonly core: Core;
  private readonly settings: SettingsExchange;
  private readonly pings: PingListener;
  /** Stream of the DATA frame being read; null: its octets are dropped. */
  private dataStream: StreamRecord | null = null;
  private dataEnds = false;

  constructor(core: Core, settings: SettingsExchange, pings: PingListener) {
    this.core = core;
    this.settings = settings;
    this.pings = pings;
    this.sections = new InboundSections(core);
  }

  /** The connection is over: what was read of it is let go. */
  free(): void {
    this.dataStream = null;
    this.sections.free();
  }

  onOversizedFrame(
    type: number,
    flags: number,
    streamId: number,
    length: number,
    bytes: Uint8Array,
    offset: number,
  ): void {
    this.tell(type, flags, streamId, bytes, offset, length, 0);
    this.expect(type, streamId);
    throw new ConnectionError('frame.too-large', streamId, type, `${length} octets`);
  }

  onBadDataPadding(flags: number, streamId: number, length: number, bytes: Uint8Array, offset: number): void {
    this.tell(FrameType.DATA, flags, streamId, bytes, offset, length, 0);
    this.expect(FrameType.DATA, streamId);
    // RFC 9113 4.2: too small for its pad length; 6.1: padding as long as the payload or longer.
    throw new ConnectionError(length === 0 ? 'frame.length' : 'frame.padding', streamId, FrameType.DATA);
  }

  /** What any frame must obey: SETTINGS first (3.4), nothing in the middle of a field section (6.10). */
  private expect(type: number, streamId: number): void {
    if (!this.settingsSeen && type !== FrameType.SETTINGS) {
      const http1 = type === HTTP1_TYPE && !this.core.isServer;
      throw new ConnectionError(http1 ? 'preface.http1' : 'preface.settings', streamId, type);
    }
    if (this.sections.isOpen && type !== FrameType.CONTINUATION) {
      throw new ConnectionError('frame.interleaved', streamId, type);
    }
  }

  onFrame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, length: number): void {
    if (this.core.closed) return;
    this.core.counters.framesReceived++;
    if (this.core.early.open) this.core.early.note(type, flags, streamId, bytes, start, length);
    if (this.core.tap === null) {
      this.dispatch(type, flags, streamId, bytes, start, length);
      return;
    }
    this.sections.told = false;
    try {
      this.dispatch(type, flags, streamId, bytes, start, length);
    } catch (error) {
      // The frame that ends the connection is the one that people look for.
      if (error instanceof ConnectionError && !this.sections.told) {
        this.tell(type, flags, streamId, bytes, start, length, 0);
      }
      throw error;
    }
  }

  private dispatch(
    type: number,
    flags: number,
    streamId: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    const { core } = this;
    this.expect(type, streamId);
    if ((flags & undefinedFlags(type)) !== 0) core.guard.odd('odd.flags', streamId, type, core.now);
    switch (type) {
      case FrameType.HEADERS:
      case FrameType.PUSH_PROMISE:
      case FrameType.CONTINUATION:
        if (streamId === 0) throw new ConnectionError('frame.stream-zero', 0, type);
        this.sections.onFrame(type, flags, streamId, bytes, start, length);
        return;
      case FrameType.PRIORITY:
        this.tell(type, flags, streamId, bytes, start, length, 0);
        this.priority(streamId, bytes, start, length);
        return;
      case FrameType.RST_STREAM:
        this.rstStream(streamId, bytes, start, length);
        return;
      case FrameType.SETTINGS:
        if (streamId !== 0) throw new ConnectionError('frame.stream-nonzero', streamId, type);
        this.tell(type, flags, 0, bytes, start, length, length >= 2 ? uint16(bytes, start) : 0);
        if (!this.settingsSeen && (flags & Flag.ACK) !== 0) throw new ConnectionError('preface.settings', 0, type);
        this.settings.onFrame(flags, bytes, start, length, !this.settingsSeen);
        this.settingsSeen = true;
        return;
      case FrameType.PING:
        this.ping(flags, streamId, bytes, start, length);
        return;
      case FrameType.GOAWAY:
        this.goAway(streamId, bytes, start, length);
        return;
      case FrameType.WINDOW_UPDATE:
        this.windowUpdate(streamId, bytes, start, length);
        return;
      case FrameType.PRIORITY_UPDATE:
        core.priorities.onFrame(streamId, bytes, start, length);
        this.tell(type, flags, streamId, bytes, start, length, uint31(bytes, start));
        return;
    }
    // Extensions, and what is not known here: RFC 9113 4.1 has unknown types ignored.
    this.tell(type, flags, streamId, bytes, start, length, 0);
    core.guard.odd('odd.frame-type', streamId, type, core.now);
    core.extensions.onFrame(type, flags, streamId, bytes, start, length);
  }

  private tell(
    type: number,
    flags: number,
    streamId: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    aux: number,
  ): void {
    if (this.core.tap !== null) this.sections.tell(type, flags, streamId, bytes, start, length, aux);
  }

  // DATA, RFC 9113 6.1 --------------------------------------------------------------------------------------------------

  onDataFrame(
    flags: number,
    streamId: number,
    length: number,
    padding: number,
    bytes: Uint8Array,
    offset: number,
  ): void {
    const { core } = this;
    this.dataStream = null;
    if (core.closed) return;
    core.cancelled.messageHeard = true;
    core.counters.framesReceived++;
    core.counters.bodyOctetsReceived += length - padding;
    const within = core.receiver.charge(length);
    const stream = core.registry.live.get(streamId);
    if (stream !== undefined) stream.receiveWindow -= length;
    if (core.tap !== null) {
      const window = stream === undefined ? 0 : stream.receiveWindow;
      const { window: connectionWindow } = core.receiver;
      core.tap.onFrame(
        Direction.IN,
        FrameType.DATA,
        flags,
        streamId,
        length,
        connectionWindow,
        window,
        0,
        bytes,
        offset,
      );
    }
    this.expect(FrameType.DATA, streamId);
    if (streamId === 0) throw new ConnectionError('frame.stream-zero', 0, FrameType.DATA);
    if (!within) throw new ConnectionError('window.exceeded', streamId, FrameType.DATA);
    if (stream === undefined) {
      const ends = (flags & Flag.END_STREAM) !== 0;
      this.strayData(streamId, length, ends);
      // Late frames are forgiven, but a peer that means well sends no more than one that is empty.
      if (length === padding && !ends) core.guard.empty(streamId, core.now);
      return;
    }
    const end = (flags & Flag.END_STREAM) !== 0;
    if ((flags & ~DATA_FLAGS) !== 0) core.guard.odd('odd.flags', streamId, FrameType.DATA, core.now);
    const next = transition(stream.state, end ? StreamEvent.RECEIVE_DATA_END : StreamEvent.RECEIVE_DATA);
    stream.unreleasedBytes += length;
    if (core.tap !== null) {
      core.tap.onReceiveWithheld(streamId, stream.unreleasedBytes);
      core.tap.onReceiveWithheld(0, core.receiver.unreleased);
    }
    if (next < 0) {
      if (next === Illegal.PROTOCOL) throw new ConnectionError('stream.state', streamId, FrameType.DATA);
      core.streamError(stream, 'stream.half-closed', FrameType.DATA);
      return;
    }
    if (!this.dataAllowed(stream, length, length - padding, end)) return;
    if (padding !== 0) core.receiver.releaseStream(stream, padding);
    if (!end) {
      // Frames that end a stream are exempt: there is one per stream.
      if (length === padding) core.guard.empty(streamId, core.now);
      else core.guard.data(stream, length - padding);
    }
    this.dataStream = stream;
    this.dataEnds = end;
  }

  /** Checks window, message order and content-length; false: the stream was reset. `length`: with padding. */
  private dataAllowed(stream: StreamRecord, length: number, data: number, end: boolean): boolean {
    const { core } = this;
    stream.receivedBytes += data;
    const { expectedBytes, receivedBytes } = stream;
    // RFC 9113 6.9.1: what takes nothing of a window needs none, also where SETTINGS of ours have made it negative.
    if (stream.receiveWindow < 0 && length !== 0) {
      core.streamError(stream, 'window.exceeded', FrameType.DATA);
    } else if (!stream.headReceived) {
      core.streamError(stream, 'data.before-headers', FrameType.DATA);
    } else if (stream.noBody && data !== 0) {
      core.streamError(stream, 'data.head', FrameType.DATA);
    } else if (expectedBytes >= 0 && (receivedBytes > expectedBytes || (end && receivedBytes !== expectedBytes))) {
      const detail = `${receivedBytes} octets, content-length ${expectedBytes}`;
      core.streamError(stream, 'content-length.mismatch', FrameType.DATA, detail);
    } else {
      return true;
    }
    return false;
  }

  /** DATA for a stream that is not on the books: its octets go back to the connection window (RFC 9113 6.9). */
  private strayData(streamId: number, length: number, ends: boolean): void {
    const { core } = this;
    const why = core.registry.whyGone(streamId, core.now);
    if (why === Gone.IDLE) throw new ConnectionError('frame.idle-stream', streamId, FrameType.DATA);
    core.receiver.releaseConnection(length);
    if (why !== Gone.RESET_BY_US) core.strayError(streamId, 'stream.closed', FrameType.DATA);
    // What has octets is bounded by the window.
    else if (ends && length === 0) this.late(streamId, FrameType.DATA);
  }

  onDataBytes(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const { core } = this;
    const stream = this.dataStream;
    // A connection between frames holds no stream that may have ended.
    if (last) this.dataStream = null;
    if (stream === null || core.closed || stream.state === StreamState.CLOSED) return;
    const ends = last && this.dataEnds;
    if (start === end && !ends) return;
    if (core.tap !== null && start !== end) core.tap.onData?.(Direction.IN, stream.id, bytes, start, end);
    if (ends) core.move(stream, StreamEvent.RECEIVE_DATA_END);
    core.handler.onData?.(stream, bytes.subarray(start, end), ends);
    if (ends) core.settle(stream);
  }

  // The short ones ------------------------------------------------------------------------------------------------------

  private priority(streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const { core } = this;
    if (streamId === 0) throw new ConnectionError('frame.stream-zero', 0, FrameType.PRIORITY);
    core.guard.odd('odd.priority', streamId, FrameType.PRIORITY, core.now);
    if (length === 5 && uint31(bytes, start) !== streamId) return;
    const rule = length === 5 ? 'priority.self' : 'priority.length';
    const stream = core.registry.live.get(streamId);
    if (stream !== undefined) {
      core.streamError(stream, rule, FrameType.PRIORITY, `${length} octets`);
    } else if (core.registry.whyGone(streamId, core.now) === Gone.IDLE) {
      // RFC 9113 6.4: an idle stream cannot be reset.
      throw new ConnectionError(rule, streamId, FrameType.PRIORITY, `${length} octets`);
    } else if (core.registry.whyGone(streamId, core.now) !== Gone.RESET_BY_US) {
      core.strayError(streamId, rule, FrameType.PRIORITY, `${length} octets`);
    }
  }

  private rstStream(streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const { core } = this;
    const type = FrameType.RST_STREAM;
    if (streamId === 0) throw new ConnectionError('frame.stream-zero', 0, type);
    if (length !== 4) throw new ConnectionError('rst.length', streamId, type, `${length} octets`);
    const code = uint32(bytes, start);
    this.tell(type, 0, streamId, bytes, start, length, code);
    const stream = core.registry.live.get(streamId);
    if (stream !== undefined) {
      core.resetByPeer(stream, code);
      return;
    }
    const why = core.registry.whyGone(streamId, core.now);
    if (why === Gone.IDLE) throw new ConnectionError('frame.idle-stream', streamId, type);
    // It may have crossed our END_STREAM, once; the stream's work has paid for that.
    if (why !== Gone.RESET_BY_US) core.guard.odd('odd.reset', streamId, type, core.now);
    else this.late(streamId, type);
  }

  private ping(flags: number, streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const type = FrameType.PING;
    if (streamId !== 0) throw new ConnectionError('frame.stream-nonzero', streamId, type);
    if (length !== 8) throw new ConnectionError('ping.length', 0, type, `${length} octets`);
    this.tell(type, flags, 0, bytes, start, length, 0);
    if ((flags & Flag.ACK) !== 0) this.pings.pong(bytes, start);
    else this.pings.onPing(bytes, start);
  }

  private goAway(streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const { core } = this;
    const type = FrameType.GOAWAY;
    if (streamId !== 0) throw new ConnectionError('frame.stream-nonzero', streamId, type);
    if (length < 8) throw new ConnectionError('goaway.length', 0, type, `${length} octets`);
    const lastStreamId = uint31(bytes, start);
    const code = uint32(bytes, start + 4);
    this.tell(type, 0, 0, bytes, start, length, code);
    const debug = bytes.slice(start + 8, start + Math.min(length, 8 + MAX_DEBUG_DATA));
    if (core.tap !== null) core.tap.onGoAway(Direction.IN, lastStreamId, code, printable(debug));
    if (lastStreamId > core.goAwayReceived) throw new ConnectionError('goaway.last-id-increased', 0, type);
    // One or two are usual; each looks at every stream.
    if (core.goAwayReceived <= MAX_STREAM_ID) core.guard.odd('odd.goaway', 0, type, core.now);
    core.goAwayReceived = lastStreamId;
    core.goAwayCode = code;
    core.draining = true;
    core.handler.onGoAway?.(lastStreamId, code, debug);
    for (const stream of core.registry.live.values()) {
      // RFC 9113 6.8: what is above the last stream was not and will not be processed.
      if (stream.local && stream.id > lastStreamId) {
        const error = new H2Error('the peer is going away and did not process the request', {
          scope: 'stream',
          code: code === ErrorCode.NO_ERROR ? ErrorCode.REFUSED_STREAM : code,
          initiator: 'remote',
          rule: 'goaway.unprocessed',
          rfc: '9113 6.8',
          streamId: stream.id,
          retryable: true,
        });
        core.abandon(stream, error);
      }
    }
    if (core.onSlot !== null) core.onSlot();
    core.checkDrained();
  }

  private windowUpdate(streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const { core } = this;
    const type = FrameType.WINDOW_UPDATE;
    if (length !== 4) throw new ConnectionError('window.length', streamId, type, `${length} octets`);
    const increment = uint31(bytes, start);
    if (streamId === 0) {
      if (increment === 0) throw new ConnectionError('window.zero', 0, type);
      core.sender.window += increment;
      this.tell(type, 0, 0, bytes, start, length, increment);
      if (core.sender.window > MAX_WINDOW) throw new ConnectionError('window.overflow', 0, type);
      if (core.sender.connectionGrants > 0) core.sender.connectionGrants--;
      else core.guard.odd('odd.grant', 0, type, core.now);
      return;
    }
    const stream = core.registry.live.get(streamId);
    if (stream === undefined) {
      this.tell(type, 0, streamId, bytes, start, length, increment);
      const why = core.registry.whyGone(streamId, core.now);
      if (why === Gone.IDLE) throw new ConnectionError('frame.idle-stream', streamId, type);
      if (core.sender.streamGrants > 0) core.sender.streamGrants--;
      else if (why !== Gone.RESET_BY_US) core.guard.odd('odd.grant', streamId, type, core.now);
      else this.late(streamId, type);
      return;
    }
    if (stream.state === StreamState.RESERVED_REMOTE) throw new ConnectionError('stream.state', streamId, type);
    stream.sendWindow += increment;
    this.tell(type, 0, streamId, bytes, start, length, increment);
    if (increment === 0 || stream.sendWindow > MAX_WINDOW) {
      core.streamError(stream, increment === 0 ? 'window.zero' : 'window.overflow', type);
      return;
    }
    core.sender.schedule(stream);
    if (core.sender.streamGrants > 0) core.sender.streamGrants--;
    else core.guard.odd('odd.grant', streamId, type, core.now);
  }

  /** A frame for a stream we reset: forgiven as long as it can have been on its way. */
  private late(streamId: number, type: number): void {
    const { core } = this;
    if (!core.registry.forgiveLate()) core.guard.odd('odd.late', streamId, type, core.now);
  }
}
