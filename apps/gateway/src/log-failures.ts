import type { ConnectionEvent, ExchangeRecord, RecordSink } from './exchange/record.ts';
import type { Logger } from './log.ts';
import { printable } from './log-access.ts';

/** The same failure of the same backend is told again after this long, with how often it has happened meanwhile. */
const QUIET_MS = 10_000;
/** Kinds of failures remembered; backends times reason codes. */
const KINDS_MAX = 256;

/**
 * Tells the person at the terminal when the gateway had to answer for a backend, which is what a developer whose app is
 * not running wants to know first. One line per kind of failure and while: a storm stays readable.
 */
export class FailureReporter implements RecordSink {
  readonly #logger: Logger;
  readonly #next: RecordSink | null;
  readonly #kinds = new Map<string, { until: number; quiet: number }>();

  /** `next` gets every record as well; null: nobody. */
  constructor(logger: Logger, next: RecordSink | null) {
    this.#logger = logger;
    this.#next = next;
  }

  event(event: ConnectionEvent): void {
    this.#next?.event(event);
  }

  write(record: ExchangeRecord): void {
    this.#next?.write(record);
    const { reason } = record;
    // That the gateway closes is known to who closed it.
    if (reason === null || reason.status < 500 || reason.code === 'shutting_down') return;
    const key = `${reason.code} ${record.backend}`;
    const kind = this.#kinds.get(key);
    if (kind !== undefined && record.finishedAt < kind.until) {
      kind.quiet++;
      return;
    }
    const { method, scheme, authority, path } = record.request;
    const target = printable(`${scheme}://${authority}${path}`);
    const meanwhile = kind === undefined || kind.quiet === 0 ? '' : `; ${kind.quiet} more since the last such line`;
    this.#logger.warn(`${method} ${target}: ${reason.code}, ${printable(reason.text, ' ')}${meanwhile}`);
    if (this.#kinds.size >= KINDS_MAX) this.#kinds.clear();
    this.#kinds.set(key, { until: record.finishedAt + QUIET_MS, quiet: 0 });
  }
}
