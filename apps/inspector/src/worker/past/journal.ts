/**
 * Events that say what was true of a stream between two moments, and that no row remembers: verdicts as they were told, waits
 * for a backend, what the gateway gave as its reason, limits nearly reached.
 */
import type { LogEvent, Obstacle } from '@glassway/inspector-protocol';

/** Events kept, the newest. */
export const MAX_JOURNAL = 32_768;

/** What the hub told of a stream's standing still; with an empty code, that it moves again. */
export type VerdictEvent = Extract<LogEvent, { kind: 'verdict' }>;
/** How near a connection came to a limit. */
export type LimitEvent = Extract<LogEvent, { kind: 'limit-near' }>;

type Kept = Extract<LogEvent, { kind: 'verdict' | 'waiting' | 'backend-waits' | 'reasoned' | 'limit-near' }>;

/** What the events up to a moment come to. */
export interface Standing {
  /** By `streamKey`: the verdicts that stood. */
  readonly verdicts: ReadonlyMap<string, VerdictEvent>;
  /** By `streamKey`: the backend that a stream waited for, and since when. */
  readonly waits: ReadonlyMap<string, { readonly since: number; readonly backend: string }>;
  /** Why there was no place at a backend, newest last; `connection` as in `BackendState`. */
  readonly obstacles: readonly { readonly backend: string; readonly obstacle: Obstacle; readonly connection: number }[];
  /** By `streamKey`: streams on which the gateway had acted by itself. */
  readonly reasoned: ReadonlySet<string>;
  /** By connection, newest for each rule. */
  readonly limits: ReadonlyMap<number, ReadonlyMap<string, LimitEvent>>;
}

/** The key of a stream among all connections. */
export function streamKey(connection: number, stream: number): string {
  return `${connection}/${stream}`;
}

/** What was heard of them, in the order of time. */
export class Journal {
  #events: Kept[] = [];
  #gap = false;
  /** No event that came after this moment is missing, t. */
  knownSince: number = Number.NEGATIVE_INFINITY;

  /** Takes in what happened. */
  add(events: readonly LogEvent[]): void {
    if (this.#gap && events.length > 0) {
      this.#gap = false;
      this.knownSince = events[0]!.t;
    }
    for (const event of events) if (isKept(event)) this.#events.push(event);
    // Cut seldom, by a quarter at once.
    if (this.#events.length <= MAX_JOURNAL * 1.25) return;
    this.knownSince = Math.max(this.knownSince, this.#events[this.#events.length - MAX_JOURNAL - 1]!.t);
    this.#events = this.#events.slice(-MAX_JOURNAL);
  }

  /** Events before the next ones did not come. */
  missed(): void {
    this.#gap = true;
  }

  /** All that are kept. */
  all(): readonly LogEvent[] {
    return this.#events;
  }

  /** Forgets everything. */
  clear(): void {
    this.#events = [];
    this.#gap = false;
    this.knownSince = Number.NEGATIVE_INFINITY;
  }

  /** What was so at `t`, which events of `t` itself are part of. */
  at(t: number): Standing {
    const verdicts = new Map<string, VerdictEvent>();
    const waits = new Map<string, { since: number; backend: string }>();
    const obstacles = new Map<string, Standing['obstacles'][number]>();
    const reasoned = new Set<string>();
    const limits = new Map<number, Map<string, LimitEvent>>();
    for (const event of this.#events) {
      if (event.t > t) continue;
      switch (event.kind) {
        case 'verdict':
          if (event.code === '') verdicts.delete(streamKey(event.connection, event.stream));
          else verdicts.set(streamKey(event.connection, event.stream), event);
          break;
        case 'waiting':
          waits.set(streamKey(event.connection, event.stream), { since: event.t, backend: event.backend });
          break;
        case 'backend-waits':
          obstacles.delete(event.backend);
          obstacles.set(event.backend, event);
          break;
        case 'reasoned':
          reasoned.add(streamKey(event.connection, event.stream));
          break;
        case 'limit-near': {
          const rules = limits.get(event.connection) ?? new Map<string, LimitEvent>();
          limits.set(event.connection, rules.set(event.rule, event));
        }
      }
    }
    return { verdicts, waits, obstacles: [...obstacles.values()], reasoned, limits };
  }
}

function isKept(event: LogEvent): event is Kept {
  switch (event.kind) {
    case 'verdict':
    case 'waiting':
    case 'backend-waits':
    case 'reasoned':
    case 'limit-near':
      return true;
    default:
      return false;
  }
}
