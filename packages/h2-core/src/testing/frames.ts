import { Decoder } from '@glassway/hpack';
import { type Fields, preface } from './build.ts';
import { concat, readUint, same, text } from './octets.ts';
import { codeName, Flags, flagNames, settingName, Type, typeName } from './wire.ts';

/** A frame as it stood on the wire. */
export interface RawFrame {
  /** 0..255. */
  readonly type: number;
  readonly flags: number;
  /** 31 bits. */
  readonly streamId: number;
  /** The bit before the stream identifier. */
  readonly reserved: boolean;
  /** All of the payload, padding included. */
  readonly payload: Uint8Array;
}

/** A frame with what its payload says. What a frame's type does not have, or what is cut short, is undefined. */
export interface Frame extends RawFrame {
  /** `HEADERS`, `TYPE 0x42`. */
  readonly name: string;
  /** Names of the flags by the frame's type; unnamed bits as one number. */
  readonly flagNames: readonly string[];
  /** RST_STREAM and GOAWAY: the error code's name. */
  readonly code?: string;
  /** GOAWAY: the debug data. DATA: the octets without padding. One character per octet. */
  readonly text?: string;
  readonly lastStreamId?: number;
  readonly increment?: number;
  readonly promisedId?: number;
  /** SETTINGS: values by the setting's name, in wire order; of duplicates the last. */
  readonly settings?: Readonly<Record<string, number>>;
  /** The field section that this frame completes, decoded: on HEADERS, PUSH_PROMISE or the last CONTINUATION. */
  readonly fields?: Fields;
}

/** Cuts octets into frames; throws when they do not end where a frame does. */
export function parseFrames(octets: Uint8Array): RawFrame[] {
  const cutter = new FrameCutter();
  const frames = cutter.push(octets);
  if (cutter.waiting !== 0) throw new Error(`a frame is cut off: ${cutter.waiting} octets are left`);
  return frames;
}

/** Cuts a stream of octets into frames, however they come. Shares nothing with the reader of the core. */
export class FrameCutter {
  private rest: Uint8Array = new Uint8Array(0);

  /** Octets of a frame that is not complete yet. */
  get waiting(): number {
    return this.rest.length;
  }

  /** The header of a frame that is not complete yet, with the payload's length; null: none, or no whole header. */
  get begun(): (Omit<RawFrame, 'payload' | 'reserved'> & { readonly length: number }) | null {
    const { rest } = this;
    if (rest.length < 9) return null;
    return {
      length: readUint(rest, 0, 3),
      type: readUint(rest, 3, 1),
      flags: readUint(rest, 4, 1),
      streamId: readUint(rest, 5, 4) % 0x8000_0000,
    };
  }

  /** Takes octets; gives the frames that are complete now. */
  push(chunk: Uint8Array): RawFrame[] {
    const bytes = this.rest.length === 0 ? chunk : concat(this.rest, chunk);
    const frames: RawFrame[] = [];
    let at = 0;
    while (bytes.length - at >= 9) {
      const end = at + 9 + readUint(bytes, at, 3);
      if (end > bytes.length) break;
      const id = readUint(bytes, at + 5, 4);
      frames.push({
        type: readUint(bytes, at + 3, 1),
        flags: readUint(bytes, at + 4, 1),
        streamId: id % 0x8000_0000,
        reserved: id >= 0x8000_0000,
        payload: bytes.slice(at + 9, end),
      });
      at = end;
    }
    this.rest = bytes.slice(at);
    return frames;
  }
}

/** What a frame's payload holds apart from padding and, of a field section's first frame, from what precedes the block. */
export function content(frame: RawFrame): Uint8Array {
  const { type, flags, payload } = frame;
  let start = 0;
  let end = payload.length;
  const canPad = type === Type.DATA || type === Type.HEADERS || type === Type.PUSH_PROMISE;
  if (canPad && (flags & Flags.PADDED) !== 0) {
    start = 1;
    end = Math.max(start, end - (payload[0] ?? 0));
  }
  if (type === Type.HEADERS && (flags & Flags.PRIORITY) !== 0) start += 5;
  if (type === Type.PUSH_PROMISE) start += 4;
  return payload.slice(start, end);
}

/** How a `WireReader` reads. */
export interface WireReaderOptions {
  /** Frames whose block cannot be decoded have no fields, and a client need not begin with the preface. Default: both throw. */
  readonly lenient?: boolean;
}

/** Reads what one side of a connection sends, field sections decoded. Shares no frame code with the core. */
export class WireReader {
  private readonly cutter: FrameCutter = new FrameCutter();
  private readonly decoder: Decoder;
  private readonly tableSizes: (number | undefined)[] = [];
  private block: Uint8Array[] = [];
  /** The client's preface, as far as it has to come. */
  private awaited: Uint8Array;
  private early: Uint8Array = new Uint8Array(0);
  private readonly lenient: boolean;

  /** `from`: whose octets they are; a client's begin with the preface. */
  constructor(from: 'client' | 'server', { lenient = false }: WireReaderOptions = {}) {
    this.lenient = lenient;
    this.awaited = from === 'client' ? preface : preface.slice(0, 0);
    this.decoder = new Decoder({ maxFieldSectionSize: 0x0fff_ffff, maxFields: 1_000_000 });
  }

  /** Entries in the HPACK table. RFC 7541 2.3.2. */
  get tableLength(): number {
    return this.decoder.tableLength;
  }

  /** Octets that do not make a whole frame yet. */
  get waiting(): number {
    return this.cutter.waiting + this.early.length;
  }

  /**
   * The sender has been sent SETTINGS, with this HEADER_TABLE_SIZE if any: what it encodes after its acknowledgement is bound
   * by it. RFC 7541 4.2.
   */
  noteSettings(tableSize: number | undefined): void {
    this.tableSizes.push(tableSize);
  }

  /**
   * Takes octets; gives the frames that are complete now. Throws when a client's octets do not begin with the preface or
   * when a field block cannot be decoded.
   */
  push(chunk: Uint8Array): Frame[] {
    let bytes = chunk;
    if (this.awaited.length !== 0) {
      bytes = concat(this.early, chunk);
      const seen = Math.min(bytes.length, this.awaited.length);
      if (!same(bytes.slice(0, seen), this.awaited.slice(0, seen))) {
        if (this.lenient) return this.cut(bytes);
        throw new Error(`these octets are no client preface: ${JSON.stringify(text(bytes.slice(0, 40)))}`);
      }
      if (seen < this.awaited.length) {
        this.early = bytes;
        return [];
      }
      this.early = bytes.slice(0, 0);
      bytes = bytes.slice(seen);
    }
    return this.cut(bytes);
  }

  private cut(bytes: Uint8Array): Frame[] {
    this.awaited = new Uint8Array(0);
    return this.cutter.push(bytes).map(raw => this.explain(raw));
  }

  private explain(raw: RawFrame): Frame {
    const { type, flags, payload } = raw;
    const has = (size: number): boolean => payload.length >= size;
    const named = { ...raw, name: typeName(type), flagNames: flagNames(type, flags) };
    switch (type) {
      case Type.DATA:
        return { ...named, text: text(content(raw)) };
      case Type.HEADERS:
      case Type.CONTINUATION:
      case Type.PUSH_PROMISE: {
        const promised = type === Type.PUSH_PROMISE ? { promisedId: promisedId(raw) } : {};
        return { ...named, ...promised, ...this.section(raw) };
      }
      case Type.RST_STREAM:
        return has(4) ? { ...named, code: codeName(readUint(payload, 0, 4)) } : named;
      case Type.SETTINGS:
        if ((flags & Flags.ACK) !== 0) {
          const size = this.tableSizes.shift();
          if (size !== undefined) this.decoder.setMaxTableSize(Math.min(size, 0x7fff_ffff));
        }
        return { ...named, settings: readSettings(payload) };
      case Type.GOAWAY:
        if (!has(8)) return named;
        return {
          ...named,
          lastStreamId: readUint(payload, 0, 4) % 0x8000_0000,
          code: codeName(readUint(payload, 4, 4)),
          text: text(payload.slice(8)),
        };
      case Type.WINDOW_UPDATE:
        return has(4) ? { ...named, increment: readUint(payload, 0, 4) % 0x8000_0000 } : named;
      default:
        return named;
    }
  }

  /** Collects a field block over its frames; the last of them has the fields. */
  private section(raw: RawFrame): { fields?: Fields } {
    if (raw.type !== Type.CONTINUATION) this.block = [];
    this.block.push(content(raw));
    if ((raw.flags & Flags.END_HEADERS) === 0) return {};
    const fields: [string, string][] = [];
    const block = concat(...this.block);
    this.block = [];
    try {
      this.decoder.decode(block, {
        onField: (name, value) => {
          fields.push([name, value]);
        },
      });
    } catch (error) {
      if (!this.lenient) throw error;
      return {};
    }
    return { fields };
  }
}

function promisedId({ flags, payload }: RawFrame): number {
  return readUint(payload, (flags & Flags.PADDED) !== 0 ? 1 : 0, 4) % 0x8000_0000;
}

function readSettings(payload: Uint8Array): Record<string, number> {
  const settings: Record<string, number> = {};
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    settings[settingName(readUint(payload, at, 2))] = readUint(payload, at + 2, 4);
  }
  return settings;
}

/** Text longer than this is cut in transcripts, characters. */
const SHOWN = 60;

function quoted(value: string): string {
  const cut = value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value;
  return JSON.stringify(cut);
}

/** Types whose frames are on stream 0, or may be. */
const ON_CONNECTION: readonly number[] = [Type.SETTINGS, Type.PING, Type.GOAWAY, Type.WINDOW_UPDATE];

/** The stream as lines have it: left out where it is 0 as it should be. */
export function shownStream(type: number, streamId: number | undefined): string[] {
  return streamId === undefined || (streamId === 0 && ON_CONNECTION.includes(type)) ? [] : [String(streamId)];
}

/**
 * A frame as one line: `HEADERS 1 END_STREAM END_HEADERS :method=GET :path=/`, `GOAWAY last=1 PROTOCOL_ERROR "text"`. The
 * stream is left out of SETTINGS, PING, GOAWAY and WINDOW_UPDATE where it is 0.
 */
export function describeFrame(frame: Frame): string {
  const words: (string | number)[] = [frame.name, ...shownStream(frame.type, frame.streamId)];
  words.push(...frame.flagNames);
  if (frame.promisedId !== undefined) words.push(`promised=${frame.promisedId}`);
  if (frame.lastStreamId !== undefined) words.push(`last=${frame.lastStreamId}`);
  if (frame.code !== undefined) words.push(frame.code);
  if (frame.increment !== undefined) words.push(`+${frame.increment}`);
  for (const [name, value] of Object.entries(frame.settings ?? {})) words.push(`${name}=${value}`);
  for (const [name, value] of frame.fields ?? []) words.push(`${name}=${value}`);
  if (frame.type === Type.DATA) words.push(`${frame.payload.length} octets`);
  if (frame.text !== undefined && frame.text !== '') words.push(quoted(frame.text));
  if (frame.reserved) words.push('(reserved bit set)');
  return words.join(' ');
}
