import { createWriteStream, type WriteStream } from 'node:fs';

/**
 * Where TLS secrets go so that a packet analyser can decrypt a capture: a file in the NSS key log format, appended, or
 * a function that gets each line (without its line feed). Whoever holds these lines can read the traffic.
 */
export type KeyLog = string | ((line: string) => void);

/** An open key log. */
export interface KeyLogSink {
  /** Takes one line as Node's `keylog` event gives it, line feed included. */
  readonly write: (line: Buffer) => void;
  /** Flushes and closes the file, if it is one. */
  readonly close: () => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/**
 * Opens a key log. The file is created readable by its owner only.
 *
 * @param onError told once when the file cannot be written; logging stops, traffic goes on
 */
export function openKeyLog(target: KeyLog, onError: (error: Error) => void): KeyLogSink {
  if (typeof target === 'function') {
    return { write: line => target(line.toString('latin1').trimEnd()), close: nothing };
  }
  let file: WriteStream | null = createWriteStream(target, { flags: 'a', mode: 0o600 });
  file.on('error', error => {
    file = null;
    onError(error);
  });
  return {
    write: line => {
      file?.write(line);
    },
    close: () =>
      new Promise(resolve => {
        if (file === null) resolve();
        else file.end(() => resolve());
      }),
  };
}
