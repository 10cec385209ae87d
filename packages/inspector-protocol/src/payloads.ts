/**
 * Octets of frames, as far as the gateway keeps any. A *piece* is a run of octets of one frame's payload; what no piece
 * covers was not kept, because it is beyond the sample, too much at once, or secret: redaction is absence, so there is
 * nothing in a piece that would have to be hidden. After the header of `binary.ts` the PAYLOADS message has, each at a
 * multiple of 8, the pieces:
 *
 *      0  seq          f64   position of its frame in the log of frames
 *      8  connection   u32   as in a frame record
 *     12  stream       u32
 *     16  offset, type u32   bits 23..0 where the octets begin, bits 31..24 frame type
 *     20  length       u32   octets that follow
 */
import { BINARY_HEADER_BYTES, BinaryKind, readHeaderOf, writeBinaryHeader } from './binary.ts';
import { CONNECTION_MASK, connectionWord, FrameType, STREAM_MASK } from './record.ts';

/** A run of octets of one frame. */
export interface PayloadPiece {
  /** Position of the frame in the log of frames. */
  readonly seq: number;
  readonly connection: number;
  /** 0 client to gateway, 1 gateway to backend. */
  readonly leg: 0 | 1;
  /** 0 received, 1 sent. */
  readonly direction: 0 | 1;
  readonly stream: number;
  /** Frame type. */
  readonly type: number;
  /** Where in the payload it begins; of DATA where in the data, pad length octet not counted. */
  readonly offset: number;
  readonly octets: Uint8Array;
}

/** What a PAYLOADS message holds. */
export interface PayloadsMessage {
  readonly from: number;
  readonly to: number;
  readonly pieces: readonly PayloadPiece[];
}

const PIECE_HEADER_BYTES = 24;

/** Types of frames that steer the connection or carry fields: none of them holds content. */
export const CONTROL_TYPES: readonly number[] = Object.values(FrameType).filter(type => type !== FrameType.DATA);

/**
 * True for types whose octets are a message's content, or nobody knows what: they are kept only where the gateway was told
 * to, and leave in exports only when asked for. All other frames say what the views say anyway.
 */
export function isContent(type: number): boolean {
  return CONTENT[type & 0xff] === 1;
}

const CONTENT = Uint8Array.from({ length: 256 }, (_, type) => (CONTROL_TYPES.includes(type) ? 0 : 1));

/** Makes a PAYLOADS message. */
export function writePayloads({ from, to, pieces }: PayloadsMessage): Uint8Array<ArrayBuffer> {
  let size = BINARY_HEADER_BYTES;
  for (const piece of pieces) size += pieceBytes(piece);
  const bytes = new Uint8Array(size);
  writeBinaryHeader(bytes, BinaryKind.PAYLOADS, pieces.length, from, to);
  const view = new DataView(bytes.buffer);
  let at = BINARY_HEADER_BYTES;
  for (const piece of pieces) {
    view.setFloat64(at, piece.seq, true);
    view.setUint32(at + 8, connectionWord(piece.connection, piece.leg, piece.direction), true);
    view.setUint32(at + 12, piece.stream, true);
    view.setUint32(at + 16, ((piece.offset & 0xff_ffff) | (piece.type << 24)) >>> 0, true);
    view.setUint32(at + 20, piece.octets.length, true);
    bytes.set(piece.octets, at + PIECE_HEADER_BYTES);
    at += pieceBytes(piece);
  }
  return bytes;
}

/** Octets that a piece takes in a message. */
export function pieceBytes(piece: PayloadPiece): number {
  return PIECE_HEADER_BYTES + ((piece.octets.length + 7) & ~7);
}

/** Reads a PAYLOADS message. Throws `Error` when it is not a whole one of a version that can be read. */
export function readPayloads(buffer: ArrayBufferLike): PayloadsMessage {
  const { count, from, to } = readHeaderOf(
    buffer,
    BinaryKind.PAYLOADS,
    'PAYLOADS',
    BINARY_HEADER_BYTES,
    PIECE_HEADER_BYTES,
  );
  const view = new DataView(buffer);
  const size = buffer.byteLength;
  const pieces: PayloadPiece[] = [];
  let at = BINARY_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    if (at + PIECE_HEADER_BYTES > size) throw new Error(`PAYLOADS message says ${count} pieces but ends at piece ${i}`);
    const word = view.getUint32(at + 8, true);
    const offsetType = view.getUint32(at + 16, true);
    const length = view.getUint32(at + 20, true);
    const octetsAt = at + PIECE_HEADER_BYTES;
    if (octetsAt + length > size) throw new Error(`piece ${i} of a PAYLOADS message is cut off`);
    pieces.push({
      seq: view.getFloat64(at, true),
      connection: word & CONNECTION_MASK,
      leg: (word >>> 31) as 0 | 1,
      direction: ((word >>> 30) & 1) as 0 | 1,
      stream: view.getUint32(at + 12, true) & STREAM_MASK,
      type: offsetType >>> 24,
      offset: offsetType & 0xff_ffff,
      octets: new Uint8Array(buffer, octetsAt, length).slice() as Uint8Array,
    });
    at = octetsAt + ((length + 7) & ~7);
  }
  return { from, to, pieces };
}

/** Pieces by frame, the newest kept. */
export class PayloadStore {
  /** Octets held at most, with what each piece costs besides. */
  readonly limit: number;
  /** Octets held. */
  octets = 0;
  readonly #bySeq = new Map<number, PayloadPiece[]>();

  /** `limit`: octets, default 32 MiB; `Infinity`: all. */
  constructor(limit: number = 32 * 1024 * 1024) {
    this.limit = limit;
  }

  /** Takes pieces in; one that is known already is passed over. */
  add(pieces: readonly PayloadPiece[]): void {
    for (const piece of pieces) {
      const list = this.#bySeq.get(piece.seq);
      if (list === undefined) this.#bySeq.set(piece.seq, [piece]);
      else if (list.some(known => known.offset === piece.offset)) continue;
      else list.push(piece);
      this.octets += pieceBytes(piece);
    }
    for (const [seq, list] of this.#bySeq) {
      if (this.octets <= this.limit) break;
      for (const piece of list) this.octets -= pieceBytes(piece);
      this.#bySeq.delete(seq);
    }
  }

  /** Pieces of the frame at this position, in the order they came. */
  of(seq: number): readonly PayloadPiece[] {
    return this.#bySeq.get(seq) ?? [];
  }

  /** All that are held, in the order they came. */
  all(): PayloadPiece[] {
    return [...this.#bySeq.values()].flat();
  }

  /** The store without what is content (`isContent`). */
  withoutContent(): PayloadStore {
    const rest = new PayloadStore(this.limit);
    rest.add(this.all().filter(piece => !isContent(piece.type)));
    return rest;
  }

  /** Forgets everything. */
  clear(): void {
    this.#bySeq.clear();
    this.octets = 0;
  }
}
