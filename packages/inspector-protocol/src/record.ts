/**
 * The frame record: 40 octets, little-endian, the same in the gateway's ring, on the WebSocket and in recordings.
 *
 *      0  t                  f64   microseconds since the epoch told in HELLO, monotonic
 *      8  seq                u32   low 32 bits of the position in the log: gapless, the only sort key
 *     12  connection         u32   bit 31 leg (1 backend), bit 30 direction (1 sent), bits 29..0 connection number
 *     16  stream             u32   bit 31 injected by the inspector, bits 30..0 stream identifier
 *     20  length, type       u32   bits 23..0 payload length, bits 31..24 frame type
 *     24  flags              u8    flags octet of the frame
 *     25  mark               u8    bits of `Mark`
 *     26  ref                u16   low 16 bits of the field section's number, or of the error code
 *     28  connection window  i32   after this frame
 *     32  stream window      i32   after this frame
 *     36  aux                u32   increment, error code, last stream id, promised stream, first setting; HEADERS: the
 *                                  number of its field section (0: not kept); DATA: padding, pad length octet included
 */

/** Octets of one frame record. */
export const RECORD_BYTES = 40;
/** The same in 32-bit words. */
export const RECORD_WORDS = 10;

/** Bit of the connection word: set on gateway-to-backend connections. */
export const LEG_BIT = 0x8000_0000;
/** Bit of the connection word: set on frames sent by the gateway. */
export const DIRECTION_BIT = 0x4000_0000;
/** Bits of the connection word that hold the connection number. */
export const CONNECTION_MASK = 0x3fff_ffff;
/** Bit of the stream word: the frame was injected by an operator. */
export const INJECTED_BIT = 0x8000_0000;
/** Bits of the stream word that hold the stream identifier. */
export const STREAM_MASK = 0x7fff_ffff;

/** Bits of `mark`. */
export const Mark = {
  /** The frame broke a rule; a `violation` event tells which. */
  VIOLATION: 1,
  /** The stream could not send for a while before this frame. */
  STALLED: 2,
  /** Its field section holds at least one redacted value. */
  REDACTED: 4,
  /** A field section belongs to it: `ref` (and on HEADERS `aux`) hold its number. */
  SECTION: 8,
} as const;

/** Frame types of RFC 9113 6, and those of the extensions that are shown by name. */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
  ALTSVC: 10,
  ORIGIN: 12,
  PRIORITY_UPDATE: 16,
} as const;

/** Frame counters have this many places per direction: types 0..14, and one for every other type. */
export const TYPE_BUCKETS = 16;

/** The place of a frame type among the counters: itself for 0..14, 15 for every other type. */
export function typeBucket(type: number): number {
  return Math.min(type, TYPE_BUCKETS - 1);
}

/** The connection word of a record. `leg` and `direction` are 0 or 1; `id` is 1..2^30-1. */
export function connectionWord(id: number, leg: number, direction: number): number {
  return ((id & CONNECTION_MASK) | (leg << 31) | (direction << 30)) >>> 0;
}

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

function assertLittleEndian(): void {
  if (!LITTLE_ENDIAN) throw new Error('frame records need a little-endian machine: typed arrays are used in place');
}

/** Writes records in place into a buffer, shared or not. Nothing is allocated per record. */
export class RecordWriter {
  /** Records that fit. */
  readonly capacity: number;
  private readonly f64: Float64Array;
  private readonly u32: Uint32Array;

  /** `byteOffset` is a multiple of 8. Throws `RangeError` where it is not, or the buffer is too small. */
  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    assertLittleEndian();
    this.capacity = capacity;
    this.f64 = new Float64Array(buffer, byteOffset, capacity * 5);
    this.u32 = new Uint32Array(buffer, byteOffset, capacity * RECORD_WORDS);
  }

  /** Writes record `index` (0..capacity-1). Arguments in the order and ranges of the layout; excess bits are cut off. */
  write(
    index: number,
    t: number,
    seq: number,
    connection: number,
    stream: number,
    length: number,
    type: number,
    flags: number,
    mark: number,
    ref: number,
    connectionWindow: number,
    streamWindow: number,
    aux: number,
  ): void {
    const word = index * RECORD_WORDS;
    const u32 = this.u32;
    this.f64[index * 5] = t;
    u32[word + 2] = seq;
    u32[word + 3] = connection;
    u32[word + 4] = stream;
    u32[word + 5] = (length & 0xff_ffff) | (type << 24);
    u32[word + 6] = (flags & 0xff) | ((mark & 0xff) << 8) | (ref << 16);
    u32[word + 7] = connectionWindow;
    u32[word + 8] = streamWindow;
    u32[word + 9] = aux;
  }

  /** Sets the time of record `index` alone. */
  stamp(index: number, t: number): void {
    this.f64[index * 5] = t;
  }
}

/**
 * Records decoded into one typed array per field, so that filters and painting run over plain numbers. A ring of rows:
 * `append` writes at `(start + n) % capacity`, and the caller keeps which rows are live.
 */
export class FrameColumns {
  /** Rows. */
  readonly capacity: number;
  /** Microseconds since the epoch. */
  readonly t: Float64Array;
  /** Full position in the log. */
  readonly seq: Float64Array;
  /** Number of the connection. */
  readonly connection: Uint32Array;
  /** 0 client to gateway, 1 gateway to backend. */
  readonly leg: Uint8Array;
  /** 0 received, 1 sent. */
  readonly direction: Uint8Array;
  /** Stream identifier without the injected bit. */
  readonly stream: Uint32Array;
  /** 1 when the frame was injected. */
  readonly injected: Uint8Array;
  /** Payload octets. */
  readonly length: Uint32Array;
  /** Frame type, see `FrameType`. */
  readonly type: Uint8Array;
  /** Flags as on the wire. */
  readonly flags: Uint8Array;
  /** Bits of `Mark`. */
  readonly mark: Uint8Array;
  /** Low 16 bits of the field section's number, or of the error code. */
  readonly ref: Uint16Array;
  /** Connection window after the frame, octets. */
  readonly connectionWindow: Int32Array;
  /** Stream window after the frame, octets. */
  readonly streamWindow: Int32Array;
  /** The frame's number: `aux` of the layout above. */
  readonly aux: Uint32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.t = new Float64Array(capacity);
    this.seq = new Float64Array(capacity);
    this.connection = new Uint32Array(capacity);
    this.leg = new Uint8Array(capacity);
    this.direction = new Uint8Array(capacity);
    this.stream = new Uint32Array(capacity);
    this.injected = new Uint8Array(capacity);
    this.length = new Uint32Array(capacity);
    this.type = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.mark = new Uint8Array(capacity);
    this.ref = new Uint16Array(capacity);
    this.connectionWindow = new Int32Array(capacity);
    this.streamWindow = new Int32Array(capacity);
    this.aux = new Uint32Array(capacity);
  }

  /**
   * Decodes `count` records of `buffer` (from `byteOffset`, a multiple of 8) into rows from `start`, around the end.
   * `position` is a log position not above the first record's, and less than 2^32 below it: it gives the upper bits
   * that a record does not carry. Returns the row after the last one written.
   */
  append(start: number, buffer: ArrayBufferLike, byteOffset: number, count: number, position: number): number {
    assertLittleEndian();
    const f64 = new Float64Array(buffer, byteOffset, count * 5);
    const u32 = new Uint32Array(buffer, byteOffset, count * RECORD_WORDS);
    const low = position >>> 0;
    let row = start;
    for (let i = 0, word = 0; i < count; i++, word += RECORD_WORDS) {
      if (row >= this.capacity) row = 0;
      const connection = u32[word + 3]!;
      const stream = u32[word + 4]!;
      const lengthType = u32[word + 5]!;
      const small = u32[word + 6]!;
      this.t[row] = f64[i * 5]!;
      this.seq[row] = position + ((u32[word + 2]! - low) >>> 0);
      this.connection[row] = connection & CONNECTION_MASK;
      this.leg[row] = connection >>> 31;
      this.direction[row] = (connection >>> 30) & 1;
      this.stream[row] = stream & STREAM_MASK;
      this.injected[row] = stream >>> 31;
      this.length[row] = lengthType & 0xff_ffff;
      this.type[row] = lengthType >>> 24;
      this.flags[row] = small;
      this.mark[row] = small >>> 8;
      this.ref[row] = small >>> 16;
      this.connectionWindow[row] = u32[word + 7]!;
      this.streamWindow[row] = u32[word + 8]!;
      this.aux[row] = u32[word + 9]!;
      row++;
    }
    return row >= this.capacity ? 0 : row;
  }
}
