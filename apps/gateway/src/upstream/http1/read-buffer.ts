import type { OnReadOpts } from 'node:net';

/** First read buffer; a backend that fills it gets the larger one. */
const SMALL = 16_384;
const LARGE = 65_536;
/** Octets that are copied one by one. */
const FEW = 64;

/**
 * The buffer a connection's socket reads into without Node allocating one per read. Body octets are copied out of it when
 * they are few; when they fill half of it or more, the buffer itself is given away and another takes its place, so that at
 * most half of what is kept alive is unused.
 */
export class ReadBuffer {
  /** For `net.connect`. */
  readonly onread: OnReadOpts;
  #buffer: Buffer = Buffer.allocUnsafeSlow(SMALL);
  #lendable = false;
  #lent = false;

  /** `onOctets` parses the first `bytes` octets of the buffer and must not keep them but through `take`. */
  constructor(onOctets: (octets: Buffer, bytes: number) => void) {
    this.onread = {
      buffer: () => this.#buffer,
      callback: bytes => {
        const buffer = this.#buffer;
        this.#lendable = bytes * 2 > buffer.length;
        this.#lent = false;
        onOctets(buffer, bytes);
        if (this.#lent || (bytes === buffer.length && bytes < LARGE)) {
          this.#buffer = Buffer.allocUnsafeSlow(bytes === buffer.length ? LARGE : buffer.length);
        }
        return true;
      },
    };
  }

  /** Says that the octets parsed next are in a buffer of their own, as from a TLS socket. */
  expectForeign(): void {
    this.#lendable = true;
  }

  /** Octets `[start, end)` of the buffer being parsed, to keep. */
  take(octets: Buffer, start: number, end: number): Buffer {
    if (this.#lendable) {
      this.#lent = true;
      return octets.subarray(start, end);
    }
    const length = end - start;
    const copy = Buffer.allocUnsafe(length);
    // For a few octets a call into the engine costs more than they do.
    if (length > FEW) octets.copy(copy, 0, start, end);
    else for (let index = 0; index < length; index++) copy[index] = octets[start + index]!;
    return copy;
  }
}
