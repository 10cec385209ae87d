/**
 * The world at a moment of the past: rows as they were, put together from the times in today's rows, from the frames and
 * field sections that are kept, and from events. It is read exactly as the present is.
 */
import { type BackendState, backendKey, type Verdict, VerdictEngine } from '@glassway/inspector-protocol';
import type { Reach } from '../../feed/model.ts';
import { Churn } from '../churn.ts';
import type { FrameLog } from '../frame-log.ts';
import type { Sections } from '../sections.ts';
import type { ConnectionEntry, StreamEntry } from '../state-entries.ts';
import type { StateStore, StateView } from '../state-store.ts';
import type { TableSizes } from '../table-sizes.ts';
import { connectionThen, type SectionsSince } from './connection-then.ts';
import { type LogTrace, traceFrames } from './frame-trace.ts';
import { type Journal, type Standing, streamKey } from './journal.ts';
import { type Sources, streamOfFrames, streamThen, wasOpen } from './stream-then.ts';
import { verdictThen } from './verdict-then.ts';

/** All that the past is told from. */
export interface Memory {
  readonly store: StateStore;
  readonly log: FrameLog;
  readonly sections: Sections;
  readonly sizes: TableSizes;
  readonly journal: Journal;
}

/** One moment. Made once; what comes to be known later does not change it. */
export class WorldThen implements StateView {
  readonly connections: ReadonlyMap<number, ConnectionEntry>;
  readonly backends: ReadonlyMap<string, BackendState>;
  readonly until: number;
  readonly reach: Reach;
  readonly #memory: Memory;
  readonly #standing: Standing;
  readonly #engine: VerdictEngine;
  #churn: Churn | null = null;

  /** `t`: the moment. */
  constructor(memory: Memory, t: number) {
    const { store, log, sections, journal } = memory;
    this.#memory = memory;
    this.until = t;
    this.#standing = journal.at(t);
    const trace = traceFrames(log, store.connections, t, (entry, stream) => {
      const held = entry.streams.get(stream);
      return held !== undefined && wasOpen(held, t);
    });
    const sources: Sources = {
      t,
      log: trace,
      standing: this.#standing,
      sections,
      other: pair => store.stream(pair.connection, pair.stream),
    };
    this.connections = connectionsThen(memory, sources, trace);
    this.backends = backendsThen(store, this.#standing);
    this.reach = reachOf(trace, this.connections, t);
    this.#engine = new VerdictEngine({
      connection: id => this.connections.get(id),
      backend: (url, worker) => this.backends.get(backendKey(url, worker)),
    }).look(t);
  }

  /** What the field sections until then came to. */
  get churn(): Churn {
    if (this.#churn === null) {
      this.#churn = new Churn();
      for (const section of this.#memory.sections.all()) if (section.t <= this.until) this.#churn.add(section);
    }
    return this.#churn;
  }

  /** See `StateView`; whatever `now` is, it is the moment's verdict. */
  verdictOn(connection: ConnectionEntry, stream: StreamEntry): Verdict | null {
    const made = this.#engine.on(connection, stream);
    if (!connection.open.has(stream.state.stream)) return made;
    const told = this.#standing.verdicts.get(streamKey(connection.facts.id, stream.state.stream));
    return verdictThen(told, made, this.#memory.journal.knownSince, this.until);
  }

  /** See `StateView`. */
  stream(connection: number, stream: number): StreamEntry | undefined {
    return this.connections.get(connection)?.streams.get(stream);
  }
}

function connectionsThen(memory: Memory, sources: Sources, trace: LogTrace): Map<number, ConnectionEntry> {
  const { store, sections, sizes } = memory;
  const { t } = sources;
  const since = sectionsSince(sections, t);
  const connections = new Map<number, ConnectionEntry>();
  for (const [id, entry] of store.connections) {
    if (entry.facts.openedAt > t) continue;
    const traced = trace.connections.get(id);
    const streams = new Map<number, StreamEntry>();
    const open = new Map<number, StreamEntry>();
    const alive = entry.facts.closedAt < 0 || entry.facts.closedAt > t;
    for (const [stream, held] of entry.streams) {
      if (held.state.openedAt > t) continue;
      const was = alive && wasOpen(held, t) ? streamThen(sources, entry, held, traced?.streams.get(stream)) : held;
      streams.set(stream, was);
      if (was !== held) open.set(stream, was);
    }
    // Streams that were forgotten are known by their frames, as long as none of those can be missing.
    if (alive && traced !== undefined) {
      for (const [stream, told] of traced.streams) {
        if (streams.has(stream) || entry.streams.has(stream) || told.firstAt <= trace.gapBefore) continue;
        const was = streamOfFrames(sources, entry, told);
        streams.set(stream, was);
        open.set(stream, was);
      }
    }
    const own = {
      ...sources,
      trace: traced,
      since: since.get(id),
      sizes: sizes.of(id),
      limits: sources.standing.limits.get(id),
    };
    connections.set(id, connectionThen(own, entry, streams, open));
  }
  return connections;
}

function sectionsSince(sections: Sections, t: number): Map<number, SectionsSince> {
  const sums = new Map<number, SectionsSince>();
  for (const section of sections.all()) {
    if (section.t <= t) continue;
    let sum = sums.get(section.connection);
    if (sum === undefined) {
      sum = { wire: [0, 0], plain: [0, 0] };
      sums.set(section.connection, sum);
    }
    sum.wire[section.direction] += section.wireBytes;
    for (const field of section.fields) sum.plain[section.direction] += field.name.length + field.valueBytes;
  }
  return sums;
}

/* What was said of a backend last before the moment; nothing is forgotten of one of which nothing else is known. */
function backendsThen(store: StateStore, standing: Standing): Map<string, BackendState> {
  const backends = new Map(store.backends);
  for (const { backend, obstacle, connection } of standing.obstacles) {
    const worker = store.connections.get(connection)?.facts.worker;
    for (const [key, state] of backends) {
      if (state.url !== backend || (worker !== undefined && state.worker !== worker)) continue;
      backends.set(key, { ...state, obstacle, connection });
    }
  }
  return backends;
}

function reachOf(trace: LogTrace, connections: ReadonlyMap<number, ConnectionEntry>, t: number): Reach {
  let doubtful = 0;
  for (const { open } of connections.values()) {
    for (const { doubt } of open.values()) if (doubt !== null && doubt !== 'sampled') doubtful++;
  }
  return { at: t, from: trace.from, beyond: t < trace.from, missing: trace.missing, doubtful };
}
