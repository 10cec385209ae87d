/** An HTTP/2 peer that sends exactly the frames it is told to, so that it can stall in every way there is. */
import type { Socket } from 'node:net';
import { Encoder } from '@glassway/hpack';

/** Frame types of RFC 9113 6 that scenarios send or look at. */
export const Type = { DATA: 0, HEADERS: 1, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8 } as const;
/** Flags. */
export const Flag = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4 } as const;
/** Identifiers of settings. */
export const Setting = { MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4 } as const;
/** The largest window there is (RFC 9113 6.9.1). */
export const MAX_WINDOW = 0x7fff_ffff;

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const HEADER = 9;
const EMPTY = Buffer.alloc(0);

/** Fields as they go on the wire, pseudo-fields first. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** One connection. It acknowledges SETTINGS once it has sent its own, and answers PING; all else is the script's affair. */
export class ScriptedPeer {
  readonly socket: Socket;
  /** A frame came. */
  onFrame: (type: number, streamId: number, flags: number, payload: Buffer) => void = () => {};
  readonly #encoder = new Encoder({ maxTableSize: 0 });
  #rest: Buffer = EMPTY;
  #greeted = false;

  /** `isServer`: the other side sends the preface. */
  constructor(socket: Socket, isServer: boolean) {
    this.socket = socket;
    let skip = isServer ? PREFACE.length : 0;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      const dropped = Math.min(skip, chunk.length);
      skip -= dropped;
      this.#read(chunk.subarray(dropped));
    });
    if (!isServer) socket.write(PREFACE);
  }

  #read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= HEADER) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < HEADER + length) return;
      const type = this.#rest[3]!;
      const flags = this.#rest[4]!;
      const payload = this.#rest.subarray(HEADER, HEADER + length);
      const streamId = this.#rest.readUInt32BE(5) & MAX_WINDOW;
      this.#rest = this.#rest.subarray(HEADER + length);
      if (type === Type.SETTINGS && (flags & Flag.ACK) === 0 && this.#greeted) this.frame(Type.SETTINGS, Flag.ACK, 0);
      if (type === Type.PING && (flags & Flag.ACK) === 0) this.frame(Type.PING, Flag.ACK, 0, payload);
      this.onFrame(type, streamId, flags, payload);
    }
  }

  /** Any frame, legal or not. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array = EMPTY): this {
    const header = Buffer.alloc(HEADER);
    header.writeUIntBE(payload.length, 0, 3);
    header[3] = type;
    header[4] = flags;
    header.writeUInt32BE(streamId, 5);
    if (!this.socket.destroyed) this.socket.write(Buffer.concat([header, payload]));
    return this;
  }

  /** SETTINGS. */
  settings(...pairs: readonly (readonly [id: number, value: number])[]): this {
    this.#greeted = true;
    const payload = Buffer.alloc(pairs.length * 6);
    pairs.forEach(([id, value], at) => {
      payload.writeUInt16BE(id, at * 6);
      payload.writeUInt32BE(value, at * 6 + 2);
    });
    return this.frame(Type.SETTINGS, 0, 0, payload);
  }

  /** HEADERS. */
  headers(streamId: number, fields: Fields, flags: number = Flag.END_HEADERS): this {
    return this.frame(
      Type.HEADERS,
      flags,
      streamId,
      this.#encoder.encode(fields.map(([name, value]) => ({ name, value }))),
    );
  }

  /** A request without a body. */
  get(streamId: number, path: string, ...more: Fields): this {
    return this.headers(streamId, requestFields('GET', path, more), Flag.END_HEADERS | Flag.END_STREAM);
  }

  /** A request whose body follows. */
  post(streamId: number, path: string, ...more: Fields): this {
    return this.headers(streamId, requestFields('POST', path, more));
  }

  /** DATA of this many octets, in frames of 16 KiB. */
  data(streamId: number, bytes: number): this {
    for (let left = bytes; left > 0; left -= 16_384) {
      this.frame(Type.DATA, 0, streamId, Buffer.alloc(Math.min(left, 16_384), 'glassway '));
    }
    return this;
  }

  /** WINDOW_UPDATE. */
  grant(streamId: number, bytes: number): this {
    return this.frame(Type.WINDOW_UPDATE, 0, streamId, uint32(bytes));
  }

  /** GOAWAY with NO_ERROR. */
  goAway(lastStreamId: number): this {
    return this.frame(Type.GOAWAY, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(0)]));
  }
}

function requestFields(method: string, path: string, more: Fields): Fields {
  return [[':method', method], [':scheme', 'http'], [':authority', 'demo.test'], [':path', path], ...more];
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}
