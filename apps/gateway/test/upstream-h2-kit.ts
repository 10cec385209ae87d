/** A scripted HTTP/2 server that cuts and reads its own frames: independent of the code under test but for HPACK. */
import { Decoder } from '@glassway/hpack';
import type { RawConnection } from './upstream-kit.ts';
import { eventually } from './upstream-kit.ts';

export const T = { DATA: 0, HEADERS: 1, RST: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8 } as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** One frame on the wire. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function settings(...pairs: [number, number][]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frame(T.SETTINGS, 0, 0, payload);
}

export function goAway(lastStream: number, code: number): Buffer {
  return frame(T.GOAWAY, 0, 0, uint32(lastStream, code));
}

export function rst(stream: number, code: number): Buffer {
  return frame(T.RST, 0, stream, uint32(code));
}

function uint32(...values: number[]): Buffer {
  const octets = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    octets.writeUInt32BE(value, index * 4);
  });
  return octets;
}

export interface Seen {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The server's end of one connection. */
export class ScriptedH2 {
  readonly connection: RawConnection;
  readonly frames: Seen[] = [];
  /** Field lists of received HEADERS by stream: `name: value` lines. */
  readonly heads = new Map<number, string[]>();
  readonly #decoder = new Decoder({});
  #at = 0;

  constructor(connection: RawConnection) {
    this.connection = connection;
  }

  send(...octets: Buffer[]): void {
    this.connection.send(Buffer.concat(octets));
  }

  /** HEADERS with the response's fields. */
  head(stream: number, status: number, fields: string[] = [], flags = 0): Buffer {
    return frame(T.HEADERS, END_HEADERS | flags, stream, literals([':status', String(status), ...fields]));
  }

  trailers(stream: number, fields: string[]): Buffer {
    return frame(T.HEADERS, END_HEADERS | END_STREAM, stream, literals(fields));
  }

  /** Reads what has come. */
  read(): Seen[] {
    const octets = Buffer.from(this.connection.received, 'latin1');
    if (this.#at === 0 && octets.length >= PREFACE.length) {
      if (octets.toString('latin1', 0, PREFACE.length) !== PREFACE) throw new Error('no client preface');
      this.#at = PREFACE.length;
    }
    while (this.#at > 0 && octets.length >= this.#at + 9) {
      const length = octets.readUIntBE(this.#at, 3);
      if (octets.length < this.#at + 9 + length) break;
      const start = this.#at + 9;
      const seen: Seen = {
        type: octets[this.#at + 3]!,
        flags: octets[this.#at + 4]!,
        stream: octets.readUInt32BE(this.#at + 5) & 0x7fffffff,
        payload: octets.subarray(start, start + length),
      };
      this.frames.push(seen);
      if (seen.type === T.HEADERS) this.heads.set(seen.stream, decodeFields(this.#decoder, seen.payload));
      this.#at = start + length;
    }
    return this.frames;
  }

  /** Waits for the `count`-th frame of a type, on a stream if given. */
  async frame(type: number, stream = -1, count = 1): Promise<Seen> {
    const matching = (): Seen[] =>
      this.read().filter(seen => seen.type === type && (stream < 0 || seen.stream === stream));
    await eventually(() => matching().length >= count, `frame ${type} on stream ${stream}`);
    return matching()[count - 1]!;
  }

  count(type: number): number {
    return this.read().filter(seen => seen.type === type).length;
  }
}

/** RFC 7541 6.2.2: literals without indexing, no Huffman coding, strings below 127 octets. */
function literals(fields: string[]): Buffer {
  const strings = fields.map(text => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]));
  return Buffer.concat(
    strings.map((octets, index) => (index % 2 === 0 ? Buffer.concat([Buffer.of(0), octets]) : octets)),
  );
}

function decodeFields(decoder: Decoder, block: Buffer): string[] {
  const lines: string[] = [];
  decoder.decode(block, {
    onField: (name: string, value: string) => {
      lines.push(`${name}: ${value}`);
    },
  });
  return lines;
}
