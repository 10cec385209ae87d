/** Looks now and then at every open stream and tells when one begins to stand still, why, and when it moves again. */
import {
  backendKey,
  isStuck,
  type LogEvent,
  plainText,
  type Verdict,
  VerdictEngine,
} from '@glassway/inspector-protocol';
import type { RowBook } from './row-book.ts';

/** Streams that stand still of which is told; beyond them the log would only say the same again. */
const MAX_TOLD = 4096;

/** A `verdict` event. */
export type VerdictEvent = Extract<LogEvent, { readonly kind: 'verdict' }>;

interface Told {
  readonly connection: number;
  readonly stream: number;
  code: string;
  since: number;
  upstream: boolean;
  look: number;
}

/** A verdict on a stream. */
export interface VerdictOn {
  readonly connection: number;
  readonly stream: number;
  readonly verdict: Verdict;
}

/** One hub's watch. */
export class VerdictWatch {
  readonly #model: RowBook;
  readonly #engine: VerdictEngine;
  readonly #tell: (event: VerdictEvent) => void;
  readonly #told = new Map<string, Told>();
  #looks = 0;

  /** `tell` takes the events, in order. */
  constructor(model: RowBook, tell: (event: VerdictEvent) => void) {
    this.#model = model;
    this.#tell = tell;
    this.#engine = new VerdictEngine({
      connection: id => model.connections.get(id),
      backend: (url, worker) => model.backends.get(backendKey(url, worker))?.state,
    });
  }

  /** Verdicts on all streams that stand still now. */
  *stuck(now: number): Iterable<VerdictOn> {
    const engine = this.#engine.look(now);
    for (const [connection, entry] of this.#model.connections) {
      if (entry.closed) continue;
      for (const held of entry.open) {
        const { stream } = held.facts;
        const verdict = engine.on(entry, held);
        if (verdict !== null && isStuck(verdict)) yield { connection, stream, verdict };
      }
    }
  }

  /** Tells what has changed since the last look. `seq`: the position in the log of frames. */
  look(now: number, seq: number): void {
    const look = ++this.#looks;
    for (const { connection, stream, verdict } of this.stuck(now)) {
      const key = `${connection}/${stream}`;
      let told = this.#told.get(key);
      if (told === undefined) {
        if (this.#told.size >= MAX_TOLD) continue;
        told = { connection, stream, code: '', since: verdict.since, upstream: false, look };
        this.#told.set(key, told);
      }
      told.look = look;
      if (told.code === verdict.code && told.upstream === verdict.upstream) continue;
      told.code = verdict.code;
      told.upstream = verdict.upstream;
      told.since = Math.min(told.since, verdict.since);
      const { code, upstream, since, bytes } = verdict;
      const text = plainText(verdict.sentence);
      this.#tell({
        kind: 'verdict',
        t: now,
        seq,
        connection,
        stream,
        code,
        upstream,
        text,
        since,
        lostUs: now - since,
        bytes,
      });
    }
    for (const [key, { connection, stream, since, code, look: seen, upstream }] of this.#told) {
      if (seen === look) continue;
      this.#told.delete(key);
      const lostUs = now - since;
      const text = `Stream ${stream} of connection ${connection} goes on, or has ended, after ${Math.round(lostUs / 1000)} ms of ${code}.`;
      this.#tell({
        kind: 'verdict',
        t: now,
        seq,
        connection,
        stream,
        code: '',
        upstream,
        text,
        since,
        lostUs,
        bytes: 0,
      });
    }
  }
}
