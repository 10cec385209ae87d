import { describeFrame, type Frame, FrameCutter, type RawFrame, WireReader } from './frames.ts';
import { readUint, toHex } from './octets.ts';
import { SectionRules } from './section-rules.ts';
import { Flags, flagNames, Setting, Type } from './wire.ts';

/** An endpoint sent what it may not. */
export class WireViolation extends Error {
  override readonly name: string = 'WireViolation';
}

const MAX_WINDOW = 0x7fff_ffff;
const DEFAULT_WINDOW = 65_535;

/** What the peer does to a stream: the octets it allows, END_STREAM, RST_STREAM. */
interface Facts {
  window: number;
  peerEnded: boolean;
  peerReset: boolean;
}

/** What is known of a stream of the endpoint that is watched. `window`: octets it may still send. */
interface WatchedStream extends Facts {
  /** It has sent a final head, END_STREAM, RST_STREAM. */
  headSent: boolean;
  ended: boolean;
  reset: boolean;
  /** Opened or promised by the endpoint. */
  readonly own: boolean;
  readonly promised: boolean;
}

/** Payload lengths that are fixed. RFC 9113 6. */
const LENGTHS: Readonly<Record<number, number>> = {
  [Type.PRIORITY]: 5,
  [Type.RST_STREAM]: 4,
  [Type.PING]: 8,
  [Type.WINDOW_UPDATE]: 4,
};
/** Types that belong to the connection, and those that belong to a stream. */
const ON_CONNECTION: readonly number[] = [Type.SETTINGS, Type.PING, Type.GOAWAY, Type.ORIGIN, Type.PRIORITY_UPDATE];
const ON_STREAM: readonly number[] = [
  Type.DATA,
  Type.HEADERS,
  Type.PRIORITY,
  Type.RST_STREAM,
  Type.PUSH_PROMISE,
  Type.CONTINUATION,
];

/**
 * Watches one endpoint from outside and throws a `WireViolation` when it sends what RFC 9113 does not allow: frames of a
 * wrong shape or in a wrong place, DATA beyond a window, more streams than it may open, answers that nobody asked for. It
 * has windows, settings, HPACK table and stream states of its own, and shares no frame code with the core.
 *
 * Call `received` with the octets the endpoint is given, before it has them, and `sent` with what it gives in turn.
 */
export class WireChecker {
  private readonly role: 'client' | 'server';
  private readonly reader: WireReader;
  private readonly cutter: FrameCutter = new FrameCutter();
  private prefaceLeft: number;
  private readonly streams: Map<number, WatchedStream> = new Map();
  private readonly early: Map<number, Facts> = new Map();
  private readonly sections: SectionRules;
  /** Set by the peer and acknowledged. */
  private readonly limits: Map<number, number> = new Map([
    [Setting.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW],
    [Setting.MAX_FRAME_SIZE, 16_384],
  ]);
  private readonly unacknowledged: number[][] = [];
  private readonly pings: string[] = [];
  private window = DEFAULT_WINDOW;
  private receiveWindow = DEFAULT_WINDOW;
  private lastOwnId = 0;
  private lastGoAway = 0xffff_ffff;
  private first = true;
  /** The stream whose field block is not complete; 0: none. */
  private inBlock = 0;
  private blockStart: Frame | null = null;

  /** `role`: of the endpoint that is watched. */
  constructor(role: 'client' | 'server') {
    this.role = role;
    this.reader = new WireReader(role);
    this.prefaceLeft = role === 'server' ? 24 : 0;
    this.sections = new SectionRules(role);
  }

  /** Octets of a DATA frame whose beginning the endpoint has been given: the peer has taken them off its window. */
  private get underWay(): number {
    const { begun } = this.cutter;
    return begun?.type === Type.DATA ? begun.length : 0;
  }

  /** Octets of DATA that the connection's window allows the endpoint. */
  get sendWindow(): number {
    return this.window;
  }

  /** Octets of DATA that a stream's window allows the endpoint; undefined: no such stream. */
  streamWindow(id: number): number | undefined {
    return this.streams.get(id)?.window;
  }

  // What the endpoint is told -------------------------------------------------------------------------------------------

  /** The endpoint is given these octets. They may be anything. */
  received(octets: Uint8Array): void {
    const skip = Math.min(this.prefaceLeft, octets.length);
    this.prefaceLeft -= skip;
    for (const frame of this.cutter.push(octets.slice(skip))) this.hear(frame);
  }

  private hear(frame: RawFrame): void {
    const { type, flags, streamId, payload } = frame;
    const stream = this.streams.get(streamId);
    switch (type) {
      case Type.SETTINGS:
        if ((flags & Flags.ACK) === 0 && payload.length % 6 === 0) this.hearSettings(payload);
        break;
      case Type.PING:
        if ((flags & Flags.ACK) === 0) this.pings.push(toHex(payload));
        break;
      case Type.WINDOW_UPDATE: {
        const increment = readUint(payload, 0, 4) % 0x8000_0000;
        if (streamId === 0) this.window += increment;
        else this.facts(streamId).window += increment;
        break;
      }
      case Type.HEADERS:
        if (stream === undefined && this.role === 'server' && streamId % 2 === 1) this.open(streamId, false, false);
        if ((flags & Flags.END_STREAM) !== 0) this.facts(streamId).peerEnded = true;
        break;
      case Type.DATA:
        this.receiveWindow -= payload.length;
        if ((flags & Flags.END_STREAM) !== 0) this.facts(streamId).peerEnded = true;
        break;
      case Type.PUSH_PROMISE: {
        const promised = readUint(payload, (flags & Flags.PADDED) !== 0 ? 1 : 0, 4) % 0x8000_0000;
        if (this.role === 'client' && promised % 2 === 0 && !this.streams.has(promised))
          this.open(promised, false, true);
        break;
      }
      case Type.RST_STREAM:
        this.facts(streamId).peerReset = true;
        break;
      default:
        break;
    }
  }

  private hearSettings(payload: Uint8Array): void {
    const pairs: number[] = [];
    let tableSize: number | undefined;
    for (let at = 0; at < payload.length; at += 6) {
      const id = readUint(payload, at, 2);
      pairs.push(id, readUint(payload, at + 2, 4));
      if (id === Setting.HEADER_TABLE_SIZE) tableSize = pairs.at(-1);
    }
    this.unacknowledged.push(pairs);
    this.reader.noteSettings(tableSize);
  }

  /**
   * Where to note what the peer does to a stream. The endpoint may have opened it already although nobody has seen its
   * frames: they wait to be taken.
   */
  private facts(streamId: number): Facts {
    const known = this.streams.get(streamId) ?? this.early.get(streamId);
    if (known !== undefined) return known;
    const facts = { window: 0, peerEnded: false, peerReset: false };
    if (this.isOwnId(streamId)) this.early.set(streamId, facts);
    return facts;
  }

  private open(id: number, own: boolean, promised: boolean): WatchedStream {
    const { window = 0, peerEnded = false, peerReset = false } = this.early.get(id) ?? {};
    this.early.delete(id);
    const stream: WatchedStream = {
      window: window + (this.limits.get(Setting.INITIAL_WINDOW_SIZE) as number),
      headSent: false,
      ended: false,
      reset: false,
      peerEnded,
      peerReset,
      own,
      promised,
    };
    this.streams.set(id, stream);
    return stream;
  }

  // What the endpoint says ------------------------------------------------------------------------------------------------

  /** The endpoint has sent these octets. Gives the frames that are complete now. */
  sent(octets: Uint8Array): readonly Frame[] {
    const frames = this.reader.push(octets);
    for (const frame of frames) this.check(frame);
    return frames;
  }

  /** Throws unless everything sent so far ends where a frame does and no field block is left open. */
  expectWhole(): void {
    if (this.reader.waiting !== 0) throw new WireViolation(`${this.reader.waiting} octets of a frame without its end`);
    if (this.inBlock !== 0) throw new WireViolation(`the field block on stream ${this.inBlock} has no end`);
  }

  private check(frame: Frame): void {
    const { type, streamId, payload } = frame;
    const fail = (why: string): never => {
      throw new WireViolation(`${describeFrame(frame)}: ${why}`);
    };
    if (this.first && (type !== Type.SETTINGS || (frame.flags & Flags.ACK) !== 0))
      fail('the first frame is SETTINGS (3.4)');
    this.first = false;
    if (frame.reserved) fail('the reserved bit is set (4.1)');
    if (payload.length > (this.limits.get(Setting.MAX_FRAME_SIZE) as number))
      fail('longer than SETTINGS_MAX_FRAME_SIZE (4.2)');
    if (this.inBlock !== 0 && (type !== Type.CONTINUATION || streamId !== this.inBlock)) {
      fail(`inside the field block of stream ${this.inBlock} (6.10)`);
    }
    if (ON_CONNECTION.includes(type) && streamId !== 0) fail('on a stream');
    if (ON_STREAM.includes(type) && streamId === 0) fail('on stream 0');
    const fixed = LENGTHS[type];
    if (fixed !== undefined && payload.length !== fixed) fail(`${payload.length} octets instead of ${fixed}`);
    if (type <= Type.CONTINUATION && flagNames(type, frame.flags).some(name => name.startsWith('0x'))) {
      fail('an undefined flag is set (4.1)');
    }
    this.apply(frame, fail);
  }

  private apply(frame: Frame, fail: (why: string) => never): void {
    const stream = this.streams.get(frame.streamId);
    switch (frame.type) {
      case Type.DATA:
        this.checkData(frame, stream ?? fail('the stream is idle (5.1)'), fail);
        break;
      case Type.HEADERS:
      case Type.PUSH_PROMISE:
        if (frame.type === Type.HEADERS) this.checkHeaders(frame, fail);
        else this.checkPromise(frame, stream, fail);
        this.blockStart = frame;
        this.block(frame, fail);
        break;
      case Type.CONTINUATION:
        if (this.inBlock === 0) fail('no field block is open (6.10)');
        this.block(frame, fail);
        break;
      case Type.RST_STREAM:
        // A stream that the peer used wrongly may be unknown here; one of our own has to exist.
        if (stream === undefined && this.isOwnId(frame.streamId)) fail('the stream is idle (5.1)');
        if (stream !== undefined) stream.reset = true;
        break;
      case Type.SETTINGS:
        this.checkSettings(frame, fail);
        break;
      case Type.PING:
        if ((frame.flags & Flags.ACK) !== 0) {
          const at = this.pings.indexOf(toHex(frame.payload));
          if (at < 0) fail('nobody has sent this PING (6.7)');
          this.pings.splice(at, 1);
        }
        break;
      case Type.GOAWAY: {
        const last = frame.lastStreamId ?? fail('shorter than 8 octets (6.8)');
        if (last > this.lastGoAway) fail(`the last stream rises from ${this.lastGoAway} (6.8)`);
        this.lastGoAway = last;
        break;
      }
      case Type.WINDOW_UPDATE:
        if (frame.increment === 0) fail('an increment of 0 (6.9)');
        if (frame.streamId !== 0 && stream === undefined) fail('the stream is idle (5.1)');
        if (frame.streamId === 0) this.receiveWindow += frame.increment ?? 0;
        if (this.receiveWindow - this.underWay > MAX_WINDOW) fail('the connection window rises above 2^31-1 (6.9.1)');
        break;
      default:
        break;
    }
  }

  private isOwnId(id: number): boolean {
    return (id % 2 === 1) === (this.role === 'client');
  }

  private checkData(frame: Frame, stream: WatchedStream, fail: (why: string) => never): void {
    if (stream.ended) fail('after END_STREAM (5.1)');
    if (stream.reset) fail('after RST_STREAM (5.1)');
    if (!stream.headSent) fail('before the head (8.1)');
    const octets = frame.payload.length;
    if (octets > 0 && octets > stream.window) fail(`the stream's window is ${stream.window} (6.9)`);
    if (octets > 0 && octets > this.window) fail(`the connection's window is ${this.window} (6.9)`);
    stream.window -= octets;
    this.window -= octets;
    if ((frame.flags & Flags.END_STREAM) !== 0) stream.ended = true;
  }

  private checkHeaders(frame: Frame, fail: (why: string) => never): void {
    const { streamId } = frame;
    let stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.role === 'server') fail('nobody has opened this stream (5.1)');
      if (streamId % 2 === 0) fail('clients open odd streams (5.1.1)');
      if (streamId <= this.lastOwnId) fail('stream identifiers have to rise (5.1.1)');
      this.lastOwnId = streamId;
      const limit = this.limits.get(Setting.MAX_CONCURRENT_STREAMS);
      if (limit !== undefined && this.ownOpen() >= limit) fail(`more than ${limit} streams at once (5.1.2)`);
      stream = this.open(streamId, true, false);
    }
    if (stream.promised && !stream.own) fail('the stream was promised by the peer (5.1)');
    if (stream.ended) fail('after END_STREAM (5.1)');
    if (stream.reset) fail('after RST_STREAM (5.1)');
    if ((frame.flags & Flags.END_STREAM) !== 0) stream.ended = true;
  }

  /** Streams of the endpoint that count towards the peer's limit. */
  private ownOpen(): number {
    // The end may be known before all of its frame's padding has come.
    const { begun } = this.cutter;
    const ending = begun?.type === Type.DATA && (begun.flags & Flags.END_STREAM) !== 0 ? begun.streamId : 0;
    let count = 0;
    for (const [id, { own, ended, reset, peerEnded, peerReset }] of this.streams) {
      if (own && !reset && !peerReset && !(ended && (peerEnded || id === ending))) count++;
    }
    return count;
  }

  private checkPromise(frame: Frame, parent: WatchedStream | undefined, fail: (why: string) => never): void {
    if (this.role === 'client') fail('clients do not push (8.4)');
    if (this.limits.get(Setting.ENABLE_PUSH) === 0) fail('the client forbids push (8.4)');
    if (parent === undefined || parent.promised) fail('not on a request (8.4)');
    if (parent.ended || parent.reset) fail('the response has ended (8.4)');
    const promised = frame.promisedId as number;
    if (promised % 2 === 1 || promised <= this.lastOwnId) fail(`stream ${promised} cannot be promised (5.1.1)`);
    this.lastOwnId = promised;
    this.open(promised, true, true);
  }

  /** A piece of a field block; the last one has the fields. */
  private block(frame: Frame, fail: (why: string) => never): void {
    if ((frame.flags & Flags.END_HEADERS) === 0) {
      this.inBlock = frame.streamId;
      return;
    }
    this.inBlock = 0;
    const start = this.blockStart as Frame;
    const stream = this.streams.get(start.streamId) as WatchedStream;
    const isPromise = start.type === Type.PUSH_PROMISE;
    const problem = this.sections.problem(frame.fields ?? [], isPromise, stream.headSent, stream.ended);
    if (problem !== null) fail(problem);
    if (!isPromise && !this.sections.isInformational(frame.fields ?? [])) stream.headSent = true;
  }

  private checkSettings(frame: Frame, fail: (why: string) => never): void {
    if ((frame.flags & Flags.ACK) === 0) {
      if (frame.payload.length % 6 !== 0) fail('no multiple of 6 octets (6.5)');
      return;
    }
    if (frame.payload.length !== 0) fail('an acknowledgement has no payload (6.5)');
    const pairs = this.unacknowledged.shift() ?? fail('nothing is to be acknowledged (6.5.3)');
    for (let at = 0; at < pairs.length; at += 2) {
      const id = pairs[at] as number;
      const value = pairs[at + 1] as number;
      if (id === Setting.INITIAL_WINDOW_SIZE) {
        const change = value - (this.limits.get(id) as number);
        for (const stream of this.streams.values()) stream.window += change;
      }
      this.limits.set(id, value);
    }
  }
}
