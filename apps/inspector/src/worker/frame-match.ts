/** Filters as the worker runs them: integers compared against columns, nothing built per row. */

import { FLAGS, FrameType } from '@glassway/inspector-protocol';
import type { Filter, FilterTerm } from '../filter/parse.ts';
import type { FrameLog } from './frame-log.ts';

/** Answers whether the row in a slot passes. */
export type Matcher = (log: FrameLog, slot: number) => boolean;

/** Compiles the understood terms of a filter; no terms let everything pass. */
export function compile(filter: Filter): Matcher {
  const tests = filter.terms.map(compileTerm);
  switch (tests.length) {
    case 0:
      return () => true;
    case 1:
      return tests[0]!;
    default:
      return (log, slot) => {
        for (const test of tests) if (!test(log, slot)) return false;
        return true;
      };
  }
}

function compileTerm(term: FilterTerm): Matcher {
  const wanted = term.op !== '!=';
  const values = term.values;
  const value = values[0] ?? 0;
  switch (term.field) {
    case 'type': {
      const table = new Uint8Array(256);
      for (const type of values) table[type] = 1;
      return (log, slot) => (table[log.columns.type[slot]!] === 1) === wanted;
    }
    case 'dir':
      return (log, slot) => values.includes(log.columns.direction[slot]!) === wanted;
    case 'leg':
      return (log, slot) => values.includes(log.columns.leg[slot]!) === wanted;
    case 'flag':
      return (log, slot) => hasFlag(values, log.columns.type[slot]!, log.columns.flags[slot]!) === wanted;
    case 'err':
      return (log, slot) => hasError(values, log.columns.type[slot]!, errorOf(log, slot)) === wanted;
    case 'conn':
      return numeric(term, values, value, (log, slot) => log.columns.connection[slot]!);
    case 'stream':
      return numeric(term, values, value, (log, slot) => log.columns.stream[slot]!);
    case 'len':
      return numeric(term, values, value, (log, slot) => log.columns.length[slot]!);
  }
}

function numeric(
  term: FilterTerm,
  values: readonly number[],
  value: number,
  read: (log: FrameLog, slot: number) => number,
): Matcher {
  switch (term.op) {
    case '=':
      if (values.length === 1) return (log, slot) => read(log, slot) === value;
      return (log, slot) => values.includes(read(log, slot));
    case '!=':
      return (log, slot) => !values.includes(read(log, slot));
    case '<':
      return (log, slot) => read(log, slot) < value;
    case '<=':
      return (log, slot) => read(log, slot) <= value;
    case '>':
      return (log, slot) => read(log, slot) > value;
    case '>=':
      return (log, slot) => read(log, slot) >= value;
  }
}

function hasFlag(indexes: readonly number[], type: number, flags: number): boolean {
  for (const index of indexes) {
    const flag = FLAGS[index];
    if (flag !== undefined && (flags & flag.bit) !== 0 && flag.types.includes(type)) return true;
  }
  return false;
}

function hasError(codes: readonly number[], type: number, aux: number): boolean {
  return (type === FrameType.RST_STREAM || type === FrameType.GOAWAY) && codes.includes(aux);
}

/** The error code of a RST_STREAM or GOAWAY. `ref` has the low 16 bits of both frames' error code; RST_STREAM has the whole in `aux`. */
export function errorOf(log: FrameLog, slot: number): number {
  return log.columns.type[slot] === FrameType.RST_STREAM ? log.columns.aux[slot]! : log.columns.ref[slot]!;
}
