/** Filters as they run: compiled once into tests that build nothing per record. */
import type { Field } from '../fields.ts';
import { FrameType } from '../record.ts';
import { Blocked, type StreamFacts, type StreamState } from '../rows.ts';
import type { FrameSelection } from '../subscription.ts';
import { FLAGS } from '../vocabulary.ts';
import type { FilterOp } from './fields.ts';
import type { Filter, FilterNode, FilterTerm } from './parse.ts';

/** A frame record, and what is known of its stream. Getters that look things up are asked only by filters that need them. */
export interface FilterSubject {
  readonly type: number;
  /** 0 received, 1 sent. */
  readonly direction: number;
  /** 0 client, 1 backend. */
  readonly leg: number;
  /** Of the connection, from 1; 0 where there is only one process, or while it is not known. */
  readonly worker: number;
  readonly connection: number;
  readonly stream: number;
  readonly flags: number;
  readonly length: number;
  /** Of RST_STREAM and GOAWAY; of others anything. */
  readonly errorCode: number;
  readonly connectionWindow: number;
  readonly streamWindow: number;
  /** Microseconds, as all times. */
  readonly t: number;
  readonly now: number;
  readonly facts: StreamFacts | undefined;
  readonly state: StreamState | undefined;
  /** Field lines of the stream's sections that are kept. */
  readonly fields: Iterable<Field>;
}

/** Answers whether a subject passes. */
export type FilterTest = (subject: FilterSubject) => boolean;

const ALWAYS: FilterTest = () => true;

/** Compiles the understood parts of a filter; none let everything pass. */
export function compileFilter(filter: Pick<Filter, 'nodes'>): FilterTest {
  return all(filter.nodes.map(compileNode));
}

function all(tests: readonly FilterTest[]): FilterTest {
  const [first, second] = tests;
  if (first === undefined) return ALWAYS;
  if (second === undefined) return first;
  return subject => {
    for (const test of tests) if (!test(subject)) return false;
    return true;
  };
}

function compileNode(node: FilterNode): FilterTest {
  if (node.kind === 'term') return compileTerm(node.term);
  const tests = node.nodes.map(compileNode);
  if (node.kind !== 'or') {
    const inner = all(tests);
    if (node.kind === 'and') return inner;
    return subject => !inner(subject);
  }
  return subject => {
    for (const test of tests) if (test(subject)) return true;
    return false;
  };
}

function compileTerm(term: FilterTerm): FilterTest {
  const wanted = term.op !== '!=';
  const { values } = term;
  switch (term.field) {
    case 'type': {
      const table = new Uint8Array(256);
      for (const type of values) table[type] = 1;
      return subject => (table[subject.type] === 1) === wanted;
    }
    case 'dir':
      return subject => values.includes(subject.direction) === wanted;
    case 'leg':
      return subject => values.includes(subject.leg) === wanted;
    case 'flag':
      return subject => hasFlag(values, subject.type, subject.flags) === wanted;
    case 'err':
      return subject => hasError(values, subject) === wanted;
    case 'worker':
      return numeric(term, subject => subject.worker);
    case 'conn':
      return numeric(term, subject => subject.connection);
    case 'stream':
      return numeric(term, subject => subject.stream);
    case 'len':
      return numeric(term, subject => subject.length);
    case 'win':
      return numeric(term, subject => (subject.stream === 0 ? subject.connectionWindow : subject.streamWindow));
    case 'age':
      return numeric(term, subject => subject.now - subject.t);
    case 'stalled':
      return subject => isStalled(values, subject.state) === wanted;
    case 'status':
      return known(
        numeric(term, subject => subject.facts?.status ?? 0),
        subject => (subject.facts?.status ?? 0) > 0,
        wanted,
      );
    case 'grpc.status':
      return known(
        numeric(term, subject => subject.facts?.grpcStatus ?? -1),
        subject => (subject.facts?.grpcStatus ?? -1) >= 0,
        wanted,
      );
    case 'method':
      return subject => compareText(term.op, subject.facts?.method ?? '', term.texts);
    case 'path':
      return subject => compareText(term.op, subject.facts?.path ?? '', term.texts);
    case 'header':
      return subject => hasHeader(subject.fields, term.header, term.op === '!=' ? '=' : term.op, term.texts) === wanted;
  }
}

/** What is not known passes only where something is ruled out. */
function known(test: FilterTest, isKnown: FilterTest, wanted: boolean): FilterTest {
  return subject => (isKnown(subject) ? test(subject) : !wanted);
}

function numeric({ op, values }: FilterTerm, read: (subject: FilterSubject) => number): FilterTest {
  const value = values[0] ?? 0;
  switch (op) {
    case '!=':
      return subject => !values.includes(read(subject));
    case '<':
      return subject => read(subject) < value;
    case '<=':
      return subject => read(subject) <= value;
    case '>':
      return subject => read(subject) > value;
    case '>=':
      return subject => read(subject) >= value;
    default:
      if (values.length === 1) return subject => read(subject) === value;
      return subject => values.includes(read(subject));
  }
}

function hasFlag(indexes: readonly number[], type: number, flags: number): boolean {
  for (const index of indexes) {
    const flag = FLAGS[index];
    if (flag !== undefined && (flags & flag.bit) !== 0 && flag.types.includes(type)) return true;
  }
  return false;
}

function hasError(codes: readonly number[], { type, errorCode }: FilterSubject): boolean {
  return (type === FrameType.RST_STREAM || type === FrameType.GOAWAY) && codes.includes(errorCode);
}

function isStalled(causes: readonly number[], state: StreamState | undefined): boolean {
  if (state === undefined || state.blocked === Blocked.NOT) return false;
  return causes.includes(0) || causes.includes(state.blocked);
}

function compareText(op: FilterOp, text: string, texts: readonly string[]): boolean {
  const value = text.toLowerCase();
  switch (op) {
    case '!=':
      return !texts.includes(value);
    case '^=':
      return texts.some(each => value.startsWith(each));
    case '$=':
      return texts.some(each => value.endsWith(each));
    case '*=':
      return texts.some(each => value.includes(each));
    default:
      return texts.includes(value);
  }
}

/** Redacted values match nothing: a filter must not be a way to guess them. */
function hasHeader(fields: Iterable<Field>, name: string, op: FilterOp, texts: readonly string[]): boolean {
  for (const field of fields) {
    if (field.redacted === null && field.name.toLowerCase() === name && compareText(op, field.value, texts))
      return true;
  }
  return false;
}

/**
 * What a server can be asked for on behalf of a filter: every record that the filter lets pass is in the selection, though
 * perhaps not only those.
 */
export function selectionOf(filter: Pick<Filter, 'terms'>): FrameSelection {
  const selection: { -readonly [Name in keyof FrameSelection]: FrameSelection[Name] } = {};
  for (const { field, op, values } of filter.terms) {
    if (op !== '=') continue;
    const [only] = values;
    if (field === 'type') selection.types = both(selection.types, values);
    else if (field === 'conn') selection.connections = both(selection.connections, values);
    else if (field === 'stream') selection.streams = both(selection.streams, values);
    else if (values.length > 1) continue;
    else if (field === 'dir') selection.direction = only as 0 | 1;
    else if (field === 'leg') selection.leg = only as 0 | 1;
  }
  return selection;
}

function both(known: readonly number[] | undefined, values: readonly number[]): readonly number[] {
  return known === undefined ? values : known.filter(value => values.includes(value));
}
