/** A recording that stays on the disk: what is wanted of it is read when it is wanted. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RecordingSource } from '@glassway/inspector-protocol';

/** An open file. Reads are synchronous: each is a few kilobytes, which the system has read ahead. */
export class FileSource implements RecordingSource {
  readonly size: number;
  readonly #path: string;
  readonly #file: number;

  /** Throws an Error that names the file when it cannot be read. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, 'r');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Error(code === 'ENOENT' ? `there is no ${path}` : `${path}: ${message}`);
    }
    // What is written to it from now on does not belong to it: a recording that is still being made.
    this.size = fstatSync(this.#file).size;
  }

  /** See `RecordingSource`. Throws when the file has become shorter since. */
  at(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)));
    for (let read = 0; read < bytes.length; ) {
      const count = readSync(this.#file, bytes, read, bytes.length - read, offset + read);
      if (count === 0) throw new Error(`${this.#path} has become shorter while it was read`);
      read += count;
    }
    return bytes;
  }

  /** Lets go of the file. */
  close(): void {
    closeSync(this.#file);
  }
}
