import { Decoder, HARD_LIMIT_FACTOR, HpackError, type HpackRule, MAX_LIMIT } from '@glassway/hpack';
import type { Core } from './core.ts';
import { ErrorCode } from './errors.ts';
import { octet, uint31 } from './frame/bytes.ts';
import { Flag, FrameType, MAX_STREAM_ID } from './frame/types.ts';
import { classifyField } from './message/field-class.ts';
import { HpackObserver } from './message/hpack-observer.ts';
import { Section } from './message/section.ts';
import { ConnectionError, type RuleId } from './rules.ts';
import { Gone } from './stream/gone.ts';
import { Illegal, StreamEvent, transition } from './stream/state.ts';
import { StreamRecord, StreamState } from './stream/stream.ts';
import { Direction, SectionKind } from './tap.ts';

const NO_BYTES = new Uint8Array(0);

/** Rules of the decoder that are limits: the block is well-formed, but too much to read to its end. */
const OVER_LIMIT: ReadonlySet<string> = new Set<HpackRule>(['hpack.section-too-large', 'hpack.string-length']);

/**
 * HEADERS, PUSH_PROMISE and CONTINUATION: joins a field block under its limits, decodes it (always: the table must not
 * drift, RFC 9113 4.3), and hands the message on. RFC 9113 6.2, 6.6, 6.10, 8.
 */
export class InboundSections {
  readonly decoder: Decoder;
  /** When the unfinished field section began, ms. */
  openSince = 0;
  /** The tap has heard of the frame being read. */
  told = false;
  private readonly core: Core;
  private readonly section: Section;
  /** Stream of the unfinished field section, 0: none. */
  private openStream = 0;
  private openType = 0;
  private openFlags = 0;
  private promisedId = 0;
  private selfDependent = false;
  private block: Uint8Array = NO_BYTES;
  private blockLength = 0;
  private continuations = 0;

  constructor(core: Core) {
    this.core = core;
    const { tap, options } = core;
    this.section = new Section(core, options.joinCookies);
    this.decoder = new Decoder({
      maxTableSize: 4096,
      maxFieldSectionSize: Math.min(options.maxHeaderListSize, MAX_LIMIT),
      maxFields: Math.min(options.maxHeaderFields, MAX_LIMIT),
      // A single field may be over the limit like several: it is skipped, so that the connection can go on.
      maxStringLength: Math.min(options.maxHeaderListSize * HARD_LIMIT_FACTOR, MAX_LIMIT),
      classify: classifyField,
      tap: tap === null ? null : new HpackObserver(tap, Direction.IN),
    });
  }

  /** True between HEADERS or PUSH_PROMISE and the END_HEADERS that completes them. */
  get isOpen(): boolean {
    return this.openStream !== 0;
  }

  onFrame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, length: number): void {
    if (type === FrameType.CONTINUATION) {
      this.tell(type, flags, streamId, bytes, start, length, 0);
      this.continuation(flags, streamId, bytes, start, length);
      return;
    }
    let from = start;
    let end = start + length;
    if ((flags & Flag.PADDED) !== 0) {
      if (length === 0) throw new ConnectionError('frame.length', streamId, type, 'PADDED without pad length');
      end -= octet(bytes, from);
      from++;
    }
    this.selfDependent = false;
    this.promisedId = 0;
    if (type === FrameType.PUSH_PROMISE) {
      if (start + length - from < 4) throw new ConnectionError('frame.length', streamId, type, `${length} octets`);
      this.promisedId = uint31(bytes, from);
      from += 4;
    } else if ((flags & Flag.PRIORITY) !== 0) {
      // Parsed to be skipped: RFC 9113 5.3.2 deprecates the scheme, but a self-dependency is still an error.
      if (start + length - from < 5) throw new ConnectionError('frame.length', streamId, type, `${length} octets`);
      this.selfDependent = uint31(bytes, from) === streamId;
      from += 5;
    }
    if (end < from) throw new ConnectionError('frame.padding', streamId, type);
    this.openType = type;
    this.openFlags = flags;
    if ((flags & Flag.END_HEADERS) !== 0) {
      this.complete(streamId, bytes, from, end);
      this.tell(type, flags, streamId, bytes, start, length, this.promisedId);
      this.deliver(streamId);
      this.section.reset();
      return;
    }
    this.tell(type, flags, streamId, bytes, start, length, this.promisedId);
    this.openStream = streamId;
    this.openSince = this.core.now;
    this.continuations = 0;
    this.blockLength = 0;
    this.append(bytes, from, end);
  }

  private continuation(flags: number, streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const type = FrameType.CONTINUATION;
    if (this.openStream === 0 || this.openStream !== streamId) {
      throw new ConnectionError('continuation.unexpected', streamId, type);
    }
    if (++this.continuations > this.core.options.maxContinuationFrames) {
      throw new ConnectionError('continuation.too-many', streamId, type, `more than ${this.continuations - 1}`);
    }
    this.append(bytes, start, start + length);
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.openStream = 0;
    const block = this.block;
    this.block = NO_BYTES;
    this.complete(streamId, block, 0, this.blockLength);
    this.deliver(streamId);
    this.section.reset();
  }

  /** Adds a piece to the unfinished block, whose compressed size may not exceed what a decoded one may have. */
  private append(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    const length = this.blockLength + count;
    if (length > Math.max(this.core.options.maxHeaderListSize, 1024)) {
      throw new ConnectionError('headers.too-large', this.openStream, this.openType, `${length} octets compressed`);
    }
    if (length > this.block.length) {
      const grown = new Uint8Array(Math.max(length, this.block.length * 2, 1024));
      grown.set(this.block.subarray(0, this.blockLength));
      this.block = grown;
    }
    this.block.set(bytes.subarray(start, end), this.blockLength);
    this.blockLength = length;
  }

  /** Decodes a whole field block into `section`, which is reset once it is delivered: what is idle holds no message. */
  private complete(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    const { tap } = this.core;
    if (tap !== null) tap.onFieldSectionStart(Direction.IN, streamId);
    try {
      this.decoder.decodeRange(bytes, start, end, this.section);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      const rule = OVER_LIMIT.has(error.rule) ? 'headers.too-large' : 'hpack.block';
      throw new ConnectionError(rule, streamId, this.openType, `${error.rule}: ${error.message}`);
    }
    if (this.section.thrown !== null) throw this.section.thrown;
    if (tap !== null) tap.onFieldSectionEnd(Direction.IN, streamId, this.kind(streamId), end - start);
  }

  /** The connection is over. */
  free(): void {
    this.decoder.end();
    this.section.reset();
    this.block = NO_BYTES;
    this.openStream = 0;
  }

  private kind(streamId: number): SectionKind {
    if (this.openType === FrameType.PUSH_PROMISE) return SectionKind.PUSH;
    const stream = this.core.registry.live.get(streamId);
    if (stream?.headReceived === true) return SectionKind.TRAILERS;
    if (this.core.isServer) return SectionKind.REQUEST;
    return this.section.status < 200 ? SectionKind.INFORMATIONAL : SectionKind.RESPONSE;
  }

  /** Tells the tap of the frame being read. */
  tell(
    type: number,
    flags: number,
    streamId: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    aux: number,
  ): void {
    const { tap, registry, sender } = this.core;
    if (tap === null) return;
    this.told = true;
    const stream = streamId === 0 ? undefined : registry.live.get(streamId);
    const window = stream === undefined ? 0 : stream.sendWindow;
    tap.onFrame(Direction.IN, type, flags, streamId, length, sender.window, window, aux, bytes, start);
  }

  private deliver(streamId: number): void {
    const { core } = this;
    core.cancelled.messageHeard = true;
    if (this.openType === FrameType.PUSH_PROMISE) {
      this.promise(streamId);
      return;
    }
    const end = (this.openFlags & Flag.END_STREAM) !== 0;
    const stream = core.registry.live.get(streamId);
    if (stream === undefined) {
      this.noStream(streamId, end);
      return;
    }
    if (this.selfDependent) {
      core.streamError(stream, 'priority.self', FrameType.HEADERS);
      return;
    }
    const next = transition(stream.state, end ? StreamEvent.RECEIVE_HEADERS_END : StreamEvent.RECEIVE_HEADERS);
    if (next === Illegal.PROTOCOL) throw new ConnectionError('stream.state', streamId, FrameType.HEADERS);
    if (next < 0) core.streamError(stream, 'stream.half-closed', FrameType.HEADERS);
    else if (stream.headReceived) this.trailers(stream, end);
    else this.response(stream, end);
  }

  /** Rule broken by the section's size, else by `check`. */
  private broken(check: RuleId | ''): RuleId | '' {
    return this.decoder.truncated ? 'headers.list-size' : check;
  }

  // A request, or HEADERS for a stream that is gone -----------------------------------------------------------------------

  private noStream(streamId: number, end: boolean): void {
    const { core } = this;
    const { registry } = core;
    const why = registry.whyGone(streamId, core.now);
    if (why === Gone.IDLE) {
      // RFC 9113 5.1.1: a client opens odd streams; a server opens streams by PUSH_PROMISE only.
      if (!core.isServer) throw new ConnectionError('frame.idle-stream', streamId, FrameType.HEADERS);
      if (!registry.isRemote(streamId)) throw new ConnectionError('stream.id-parity', streamId, FrameType.HEADERS);
      this.request(streamId, end);
      return;
    }
    switch (why) {
      case Gone.RESET_BY_US:
        // Decoded for the table's sake, which costs: more than can have been on its way is charged.
        if (!registry.forgiveLate()) core.guard.odd('odd.late', streamId, FrameType.HEADERS, core.now);
        return;
      case Gone.SKIPPED:
        throw new ConnectionError('stream.id-reused', streamId, FrameType.HEADERS);
      case Gone.ENDED:
        throw new ConnectionError('stream.closed', streamId, FrameType.HEADERS);
      default:
        core.strayError(streamId, 'stream.closed', FrameType.HEADERS);
    }
  }

  private request(streamId: number, end: boolean): void {
    const { core, section } = this;
    const { registry, options } = core;
    registry.markRemote(streamId);
    const updated = core.priorities.take(streamId);
    let rule = this.broken(section.checkRequest(options.enableConnectProtocol || core.local.enableConnectProtocol));
    if (rule === '' && this.selfDependent) rule = 'priority.self';
    if (rule === '' && end && section.contentLength > 0) rule = 'content-length.mismatch';
    if (rule === '' && streamId > core.goAwaySent) rule = 'stream.going-away';
    const size = this.decoder.sectionSize;
    if (rule === '' && core.headerBytes + size > options.maxHeaderMemory) rule = 'headers.memory';
    if (rule === '' && registry.remoteCount + core.heldStreams >= core.maxRemoteStreams) rule = 'stream.refused';
    if (rule !== '') {
      core.strayError(streamId, rule, FrameType.HEADERS, section.brokenField);
      return;
    }
    const stream = new StreamRecord(streamId, false, core.remote.initialWindowSize, core.local.initialWindowSize);
    stream.headReceived = true;
    // RFC 9110 9.3.6: CONNECT has no content that a length could be about.
    stream.expectedBytes = section.method === 'CONNECT' ? -1 : section.contentLength;
    stream.headerBytes = size;
    core.headerBytes += size;
    stream.isHead = section.method === 'HEAD';
    stream.isConnect = section.method === 'CONNECT';
    if (options.obeyPriorities) core.priorities.opened(stream, section.priority, updated);
    core.open(stream, end ? StreamState.HALF_CLOSED_REMOTE : StreamState.OPEN);
    core.handler.onRequest?.(stream, section.requestHead(), end);
  }

  // A response, informational or final --------------------------------------------------------------------------------------

  private response(stream: StreamRecord, end: boolean): void {
    const { core, section } = this;
    const rule = this.broken(section.checkResponse(end));
    if (rule !== '') {
      core.streamError(stream, rule, FrameType.HEADERS, section.brokenField);
      return;
    }
    const { registry } = core;
    if (stream.state === StreamState.RESERVED_REMOTE && registry.remoteCount >= core.maxRemoteStreams) {
      core.streamError(stream, 'stream.refused', FrameType.HEADERS);
      return;
    }
    const { status } = section;
    if (status < 200) {
      stream.informationalBytes += this.decoder.sectionSize;
      if (stream.informationalBytes > core.options.maxHeaderListSize) {
        core.streamError(stream, 'headers.informational', FrameType.HEADERS);
        return;
      }
      core.move(stream, StreamEvent.RECEIVE_HEADERS);
      core.handler.onInformational?.(stream, section.responseHead());
      return;
    }
    // RFC 9110 6.4.1: which responses cannot have a body, whatever content-length says.
    const tunnel = stream.isConnect && status < 300;
    stream.isConnect = tunnel;
    stream.noBody = stream.isHead || status === 204 || status === 304;
    stream.expectedBytes = stream.noBody || tunnel ? -1 : section.contentLength;
    if (end && stream.expectedBytes > 0) {
      core.streamError(stream, 'content-length.mismatch', FrameType.HEADERS);
      return;
    }
    stream.headReceived = true;
    core.move(stream, end ? StreamEvent.RECEIVE_HEADERS_END : StreamEvent.RECEIVE_HEADERS);
    core.handler.onResponse?.(stream, section.responseHead(), end);
    if (end) core.settle(stream);
  }

  private trailers(stream: StreamRecord, end: boolean): void {
    const { core, section } = this;
    let rule = this.broken(section.checkTrailers());
    if (!end) rule = 'trailers.end-stream';
    else if (stream.isConnect) rule = 'connect.trailers';
    else if (rule === '' && stream.expectedBytes >= 0 && stream.receivedBytes !== stream.expectedBytes) {
      rule = 'content-length.mismatch';
    }
    if (rule !== '') {
      core.streamError(stream, rule, FrameType.HEADERS, section.brokenField);
      return;
    }
    core.move(stream, StreamEvent.RECEIVE_HEADERS_END);
    core.handler.onTrailers?.(stream, section.fields, section.sensitive);
    core.settle(stream);
  }

  // A promise, RFC 9113 6.6 and 8.4 -----------------------------------------------------------------------------------------

  private promise(parentId: number): void {
    const { core, section, promisedId } = this;
    const { registry } = core;
    const type = FrameType.PUSH_PROMISE;
    if (core.isServer) throw new ConnectionError('push.from-client', parentId, type);
    if (!core.local.enablePush) throw new ConnectionError('push.disabled', parentId, type);
    if (promisedId === 0 || !registry.isRemote(promisedId) || promisedId <= registry.lastRemoteId) {
      throw new ConnectionError('push.id', parentId, type, `stream ${promisedId}`);
    }
    const parent = registry.live.get(parentId);
    // RFC 9113 6.6: only on a stream of ours.
    if (registry.isRemote(parentId)) throw new ConnectionError('push.parent', parentId, type);
    if (parent === undefined && registry.whyGone(parentId, core.now) !== Gone.RESET_BY_US) {
      throw new ConnectionError('push.parent', parentId, type);
    }
    if (parent !== undefined && parent.state !== StreamState.OPEN && parent.state !== StreamState.HALF_CLOSED_LOCAL) {
      throw new ConnectionError('push.parent', parentId, type);
    }
    registry.markRemote(promisedId);
    const promised = new StreamRecord(promisedId, false, core.remote.initialWindowSize, core.local.initialWindowSize);
    const rule = this.broken(section.checkRequest(false));
    const safe = section.method === 'GET' || section.method === 'HEAD';
    if (rule !== '' || !safe || section.authority === '' || section.contentLength > 0) {
      core.strayError(promisedId, rule === 'headers.list-size' ? rule : 'push.request', type, section.brokenField);
      return;
    }
    if (promisedId > core.goAwaySent) {
      core.strayError(promisedId, 'stream.going-away', type);
      return;
    }
    const crowded = registry.live.size - registry.localCount >= core.options.maxReservedStreams;
    if (parent === undefined || crowded || core.handler.onPush === undefined || promisedId > MAX_STREAM_ID) {
      if (crowded) {
        core.strayError(promisedId, 'push.too-many', type);
      } else {
        registry.remember(promisedId, Gone.RESET_BY_US, core.now);
        core.writeReset(promisedId, ErrorCode.CANCEL, 'library', 'push not wanted');
      }
      if (parent === undefined) core.guard.odd('odd.push', parentId, type, core.now);
      return;
    }
    const size = this.decoder.sectionSize;
    if (core.headerBytes + size > core.options.maxHeaderMemory) {
      core.strayError(promisedId, 'headers.memory', type);
      return;
    }
    promised.headerBytes = size;
    core.headerBytes += size;
    promised.isHead = section.method === 'HEAD';
    core.open(promised, StreamState.RESERVED_REMOTE);
    core.handler.onPush(parent, promised, section.requestHead());
  }
}
