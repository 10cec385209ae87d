/**
 * SipHash-2-4: a keyed hash with 64 bits of output. Without the key nobody can tell a value from its hash or find one
 * by trying; with the same key equal values have equal hashes. Words of 64 bits are kept as two of 32.
 */

/** A hash with one key. */
export class SipHash {
  readonly #k: Int32Array;
  readonly #v: Int32Array = new Int32Array(8);

  /** `key` has 16 octets. Throws `RangeError` otherwise. */
  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError(`SipHash key of ${key.length} octets, needs 16`);
    const view = new DataView(key.buffer, key.byteOffset, 16);
    this.#k = Int32Array.of(
      view.getInt32(0, true),
      view.getInt32(4, true),
      view.getInt32(8, true),
      view.getInt32(12, true),
    );
  }

  /** Hash of the lower octets of the string's code units: two words, low first, in `out` at `at`. */
  hash(text: string, out: Int32Array, at: number): void {
    const v = this.#v;
    const k = this.#k;
    const [k0, k1, k2, k3] = [k[0]!, k[1]!, k[2]!, k[3]!];
    v[0] = k0 ^ 0x70736575;
    v[1] = k1 ^ 0x736f6d65;
    v[2] = k2 ^ 0x6e646f6d;
    v[3] = k3 ^ 0x646f7261;
    v[4] = k0 ^ 0x6e657261;
    v[5] = k1 ^ 0x6c796765;
    v[6] = k2 ^ 0x79746573;
    v[7] = k3 ^ 0x74656462;
    const length = text.length;
    const whole = length & ~7;
    for (let i = 0; i < whole; i += 8) this.#compress(word(text, i, length), word(text, i + 4, length));
    this.#compress(word(text, whole, length), word(text, whole + 4, length) | (length << 24));
    v[4]! ^= 0xff;
    for (let i = 0; i < 4; i++) round(v);
    out[at] = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
    out[at + 1] = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
  }

  #compress(low: number, high: number): void {
    const v = this.#v;
    v[6]! ^= low;
    v[7]! ^= high;
    round(v);
    round(v);
    v[0]! ^= low;
    v[1]! ^= high;
  }
}

function word(text: string, at: number, length: number): number {
  let result = 0;
  for (let i = 0; i < 4 && at + i < length; i++) result |= (text.charCodeAt(at + i) & 0xff) << (8 * i);
  return result;
}

function add(v: Int32Array, a: number, b: number): void {
  const low = (v[a]! >>> 0) + (v[b]! >>> 0);
  v[a] = low;
  v[a + 1] = v[a + 1]! + v[b + 1]! + (low > 0xffff_ffff ? 1 : 0);
}

/** v[a] = rotl(v[a], bits) ^ v[b], bits 1..31. */
function rotateXor(v: Int32Array, a: number, bits: number, b: number): void {
  const low = v[a]!;
  const high = v[a + 1]!;
  v[a] = ((low << bits) | (high >>> (32 - bits))) ^ v[b]!;
  v[a + 1] = ((high << bits) | (low >>> (32 - bits))) ^ v[b + 1]!;
}

function swap(v: Int32Array, a: number): void {
  const low = v[a]!;
  v[a] = v[a + 1]!;
  v[a + 1] = low;
}

function round(v: Int32Array): void {
  add(v, 0, 2);
  rotateXor(v, 2, 13, 0);
  swap(v, 0);
  add(v, 4, 6);
  rotateXor(v, 6, 16, 4);
  add(v, 0, 6);
  rotateXor(v, 6, 21, 0);
  add(v, 4, 2);
  rotateXor(v, 2, 17, 4);
  swap(v, 4);
}
