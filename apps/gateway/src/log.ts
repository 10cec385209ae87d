/** Messages for the person who runs the gateway, on stderr. Requests have their own log, see log-access.ts. */

/** From silent to talkative; each includes those before it. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
/** One of `LOG_LEVELS`. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes messages up to a level, one line each. */
export class Logger {
  readonly #rank: number;
  readonly #write: (line: string) => void;

  /** `write` gets each line with its newline; default stderr. */
  constructor(level: LogLevel, write: (line: string) => void = line => void process.stderr.write(line)) {
    this.#rank = LOG_LEVELS.indexOf(level);
    this.#write = write;
  }

  /** Something is broken and needs hands. */
  error(text: string): void {
    this.#line(0, `error: ${text}`);
  }

  /** Something is not as it should be, and the gateway goes on. */
  warn(text: string): void {
    this.#line(1, `warning: ${text}`);
  }

  /** What is going on. */
  info(text: string): void {
    this.#line(2, text);
  }

  /** Details for those who look for a fault. */
  debug(text: string): void {
    this.#line(3, `debug: ${text}`);
  }

  #line(rank: number, text: string): void {
    if (rank <= this.#rank) this.#write(`glassway: ${text}\n`);
  }
}
