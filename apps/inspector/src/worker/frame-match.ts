/** Filters over the log of frames: the protocol's tests, which read the columns through one subject that moves along. */
import {
  compileFilter,
  type Field,
  type Filter,
  type FilterNode,
  type FilterSubject,
  FrameType,
  type StreamFacts,
  type StreamState,
} from '@glassway/inspector-protocol';
import type { FrameLog } from './frame-log.ts';
import type { Sections } from './sections.ts';
import type { StateView } from './state-store.ts';

/** Answers whether the row in a slot passes. */
export type Matcher = (log: FrameLog, slot: number) => boolean;

/** What is known besides the frames. */
export interface Knowledge {
  /** What streams are: method, status and so on, as far as they are known by now. */
  readonly store: StateView;
  /** How they do at `now`. */
  readonly shown: StateView;
  readonly sections: Sections;
  /** Microseconds. */
  readonly now: number;
}

/** Compiles the understood parts of a filter; none let everything pass. */
export function compile(filter: Filter, knowledge: Knowledge): Matcher {
  if (filter.nodes.length === 0) return () => true;
  const test = compileFilter(filter);
  const subject = new LogSubject(knowledge);
  return (log, slot) => {
    subject.log = log;
    subject.slot = slot;
    return test(subject);
  };
}

/** Whether a filter asks for this field anywhere. */
export function asksFor(nodes: readonly FilterNode[], field: string): boolean {
  return nodes.some(node => (node.kind === 'term' ? node.term.field === field : asksFor(node.nodes, field)));
}

class LogSubject implements FilterSubject {
  log!: FrameLog;
  slot = 0;
  readonly #knowledge: Knowledge;

  constructor(knowledge: Knowledge) {
    this.#knowledge = knowledge;
  }

  get type(): number {
    return this.log.columns.type[this.slot]!;
  }

  get direction(): number {
    return this.log.columns.direction[this.slot]!;
  }

  get leg(): number {
    return this.log.columns.leg[this.slot]!;
  }

  get worker(): number {
    return this.#knowledge.store.connections.get(this.connection)?.facts.worker ?? 0;
  }

  get connection(): number {
    return this.log.columns.connection[this.slot]!;
  }

  get stream(): number {
    return this.log.columns.stream[this.slot]!;
  }

  get flags(): number {
    return this.log.columns.flags[this.slot]!;
  }

  get length(): number {
    return this.log.columns.length[this.slot]!;
  }

  get errorCode(): number {
    return errorOf(this.log, this.slot);
  }

  get connectionWindow(): number {
    return this.log.columns.connectionWindow[this.slot]!;
  }

  get streamWindow(): number {
    return this.log.columns.streamWindow[this.slot]!;
  }

  get t(): number {
    return this.log.columns.t[this.slot]!;
  }

  get now(): number {
    return this.#knowledge.now;
  }

  get facts(): StreamFacts | undefined {
    return this.#knowledge.store.stream(this.connection, this.stream)?.facts;
  }

  get state(): StreamState | undefined {
    return this.#knowledge.shown.stream(this.connection, this.stream)?.state;
  }

  get fields(): Iterable<Field> {
    return this.#knowledge.sections.of(this.connection, this.stream).flatMap(section => section.fields);
  }
}

/** The error code of a RST_STREAM or GOAWAY. `ref` has the low 16 bits of both frames' error code; RST_STREAM has the whole in `aux`. */
export function errorOf(log: FrameLog, slot: number): number {
  return log.columns.type[slot] === FrameType.RST_STREAM ? log.columns.aux[slot]! : log.columns.ref[slot]!;
}
