import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** What a `BackendSocket` is made with. */
export interface BackendSocketOptions extends SocketConstructorOpts {
  readonly noDelay: boolean;
  /** Where it reads to without a copy by Node; without: it emits `data`. */
  readonly onread?: OnReadOpts;
}

/**
 * A socket that can outlive a failed write. A backend that answers before it has read the whole request and closes makes
 * the kernel reset the connection: our next write fails although the answer lies in the receive buffer (RFC 9112 9.5 asks
 * clients to watch for it), and Node would throw that away by destroying the socket at once.
 */
export class BackendSocket extends Socket {
  /** Asked when a write failed. True: reading goes on until the other side's end, which then is an error. */
  onWriteFailure: ((error: Error) => boolean) | null = null;
  #failure: Error | null = null;

  constructor(options: BackendSocketOptions) {
    super(options);
  }

  override destroy(error?: Error): this {
    if (
      error !== undefined &&
      this.#failure === null &&
      isWriteFailure(error) &&
      this.onWriteFailure?.(error) === true
    ) {
      this.#failure = error;
      return this;
    }
    return super.destroy(error);
  }

  /** A stream whose write failed does not emit `end`, so the end is told as what it is. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk !== null || this.#failure === null) return super.push(chunk, encoding);
    super.destroy(this.#failure);
    return false;
  }
}

function isWriteFailure(error: Error): boolean {
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall === 'write' || syscall === 'writev';
}
