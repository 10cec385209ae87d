/** The log of octets of frames: pieces, copied into one memory, because they come with every request and most stay unread. */
import {
  CONNECTION_MASK,
  connectionWord,
  type FrameMatcher,
  type PayloadPiece,
  pieceBytes,
  writePayloads,
} from '@glassway/inspector-protocol';
import { Source } from './source.ts';

/** Samples are the first that a viewer goes without: they may use only the first half of its credit. */
const PAYLOAD_CREDIT_SHARE = 0.5;
/** Connection word, stream, type and offset, octets. */
const WORDS = 4;
/** Up to this many octets a loop is faster than a view and a call. */
const MAX_LOOP = 64;

/** The newest pieces. */
export class PayloadSource extends Source {
  readonly name = 'payloads' as const;
  override readonly creditShare: number = PAYLOAD_CREDIT_SHARE;
  readonly #seqs: Float64Array;
  readonly #words: Uint32Array;
  readonly #slotBytes: number;
  readonly #slots: Uint8Array;
  // Octets that are more than a slot has room for.
  readonly #long: (Uint8Array | null)[] = [];
  #made: PayloadPiece[] = [];
  #bytes = 0;

  /** `slotBytes`: octets that most pieces do not exceed. */
  constructor(capacity: number, slotBytes: number) {
    super(capacity);
    this.#seqs = new Float64Array(capacity);
    this.#words = new Uint32Array(capacity * WORDS);
    this.#slotBytes = slotBytes;
    this.#slots = new Uint8Array(capacity * slotBytes);
  }

  /** Takes octets in, a copy of them. */
  push(piece: PayloadPiece): void {
    const place = this.place();
    const word = place * WORDS;
    const { octets } = piece;
    const { length } = octets;
    this.#seqs[place] = piece.seq;
    this.#words[word] = connectionWord(piece.connection, piece.leg, piece.direction);
    this.#words[word + 1] = piece.stream;
    this.#words[word + 2] = piece.offset | (piece.type << 24);
    this.#words[word + 3] = length;
    const at = place * this.#slotBytes;
    const slots = this.#slots;
    this.#long[place] = length > this.#slotBytes ? new Uint8Array(octets) : null;
    if (length <= MAX_LOOP) for (let i = 0; i < length; i++) slots[at + i] = octets[i]!;
    else if (length <= this.#slotBytes) slots.set(octets, at);
  }

  protected chosen(place: number, matcher: FrameMatcher): boolean {
    const word = place * WORDS;
    return matcher.matches(this.#words[word]!, this.#words[word + 1]!, this.#words[word + 2]! >>> 24);
  }

  protected add(place: number): number {
    const piece = this.#piece(place);
    this.#made.push(piece);
    this.#bytes += pieceBytes(piece);
    return this.#bytes;
  }

  #piece(place: number): PayloadPiece {
    const word = place * WORDS;
    const words = this.#words;
    const at = place * this.#slotBytes;
    const connection = words[word]!;
    return {
      seq: this.#seqs[place]!,
      connection: connection & CONNECTION_MASK,
      leg: (connection >>> 31) as 0 | 1,
      direction: ((connection >>> 30) & 1) as 0 | 1,
      stream: words[word + 1]!,
      type: words[word + 2]! >>> 24,
      offset: words[word + 2]! & 0xff_ffff,
      octets: this.#long[place] ?? this.#slots.subarray(at, at + words[word + 3]!),
    };
  }

  protected finish(from: number, to: number): Uint8Array {
    const message = writePayloads({ from, to, pieces: this.#made });
    this.#made = [];
    this.#bytes = 0;
    return message;
  }
}
