import type { Fields } from './build.ts';
import { describeFrame, type Frame, shownStream } from './frames.ts';
import { text as asText, type OctetsLike, same } from './octets.ts';
import {
  type CodeName,
  codeName,
  type FlagName,
  Flags,
  type SettingName,
  Type,
  type TypeName,
  typeName,
} from './wire.ts';

/** What a frame should be; what is left out does not matter. */
export interface FrameExpectation {
  readonly type: TypeName | number;
  readonly streamId?: number;
  /** These flags are set and no others that have a name, or the whole octet. */
  readonly flags?: readonly FlagName[] | number;
  /** RST_STREAM, GOAWAY: the error code; of several any. */
  readonly code?: CodeName | number | readonly (CodeName | number)[];
  /** HEADERS, PUSH_PROMISE: these fields are among those of the section; a pattern is looked for in the value. */
  readonly fields?: Readonly<Record<string, string | RegExp>>;
  /** DATA without padding, GOAWAY's debug data: the text, one character per octet, or a pattern looked for in it. */
  readonly text?: string | RegExp;
  /** The whole payload. */
  readonly payload?: OctetsLike;
  /** The payload's length, octets. */
  readonly length?: number;
  /** SETTINGS: these values are among those sent. */
  readonly settings?: Readonly<Partial<Record<SettingName, number>>>;
  /** WINDOW_UPDATE. */
  readonly increment?: number;
  /** GOAWAY. */
  readonly lastStreamId?: number;
  /** PUSH_PROMISE. */
  readonly promisedId?: number;
}

/** One point in which a frame is not what it should be. */
interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

const NAMED_FLAGS = Object.values(Flags).reduce((all: number, bit) => all | bit, 0);

function number(type: TypeName | number): number {
  return typeof type === 'number' ? type : Type[type];
}

function fits(expected: string | RegExp, actual: string | undefined): boolean {
  return typeof expected === 'string' ? expected === actual : actual !== undefined && expected.test(actual);
}

function code(of: CodeName | number): string {
  return typeof of === 'number' ? codeName(of) : of;
}

const show = (value: unknown): string => (value === undefined ? 'absent' : String(value));

/** Where the frame's fields have no such line. */
function missingFields(expected: Readonly<Record<string, string | RegExp>>, fields: Fields | undefined): Difference[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const values = (fields ?? []).filter(([is]) => is === name).map(([, is]) => is);
    if (values.some(is => fits(value, is))) return [];
    return [{ what: name, expected: String(value), actual: values.length === 0 ? 'absent' : values.join(' | ') }];
  });
}

function flagDifference(expected: readonly FlagName[] | number, frame: Frame): Difference[] {
  const bits = typeof expected === 'number' ? expected : expected.reduce((sum: number, name) => sum | Flags[name], 0);
  const mask = typeof expected === 'number' ? 0xff : NAMED_FLAGS;
  if ((frame.flags & mask) === bits) return [];
  const shown = typeof expected === 'number' ? `0x${expected.toString(16)}` : expected.join(' ') || 'none';
  return [{ what: 'flags', expected: shown, actual: frame.flagNames.join(' ') || 'none' }];
}

/** Everything in which `frame` is not what was expected; empty: it is. */
export function differences(expected: FrameExpectation, frame: Frame): Difference[] {
  const found: Difference[] = [];
  const plain = (what: keyof FrameExpectation & keyof Frame): void => {
    if (expected[what] !== undefined && expected[what] !== frame[what]) {
      found.push({ what, expected: show(expected[what]), actual: show(frame[what]) });
    }
  };
  if (number(expected.type) !== frame.type) {
    found.push({ what: 'type', expected: typeName(number(expected.type)), actual: frame.name });
  }
  plain('streamId');
  if (expected.flags !== undefined) found.push(...flagDifference(expected.flags, frame));
  if (expected.code !== undefined) {
    const codes = (Array.isArray(expected.code) ? expected.code : [expected.code]).map(code);
    if (!codes.includes(frame.code ?? '')) {
      found.push({ what: 'code', expected: codes.join(' or '), actual: show(frame.code) });
    }
  }
  plain('lastStreamId');
  plain('increment');
  plain('promisedId');
  for (const [name, value] of Object.entries(expected.settings ?? {})) {
    const actual = frame.settings?.[name];
    if (actual !== value) found.push({ what: name, expected: show(value), actual: show(actual) });
  }
  if (expected.fields !== undefined) found.push(...missingFields(expected.fields, frame.fields));
  if (expected.text !== undefined && !fits(expected.text, frame.text)) {
    found.push({ what: 'text', expected: quote(expected.text), actual: quote(frame.text) });
  }
  if (expected.length !== undefined && expected.length !== frame.payload.length) {
    found.push({ what: 'length', expected: show(expected.length), actual: show(frame.payload.length) });
  }
  if (expected.payload !== undefined && !same(Uint8Array.from(expected.payload), frame.payload)) {
    found.push({ what: 'payload', expected: quote(asText(expected.payload)), actual: quote(asText(frame.payload)) });
  }
  return found;
}

function quote(value: string | RegExp | undefined): string {
  return typeof value === 'string' ? JSON.stringify(value) : show(value);
}

/** An expectation as one line, in the words of `describeFrame`. */
export function describeExpectation(expected: FrameExpectation): string {
  const type = number(expected.type);
  const words: string[] = [typeName(type), ...shownStream(type, expected.streamId)];
  if (typeof expected.flags === 'number') words.push(`0x${expected.flags.toString(16)}`);
  else words.push(...(expected.flags ?? []));
  if (expected.promisedId !== undefined) words.push(`promised=${expected.promisedId}`);
  if (expected.lastStreamId !== undefined) words.push(`last=${expected.lastStreamId}`);
  if (expected.code !== undefined) {
    words.push((Array.isArray(expected.code) ? expected.code : [expected.code]).map(code).join(' or '));
  }
  if (expected.increment !== undefined) words.push(`+${expected.increment}`);
  for (const [name, value] of Object.entries(expected.settings ?? {})) words.push(`${name}=${value}`);
  for (const [name, value] of Object.entries(expected.fields ?? {})) words.push(`${name}=${value}`);
  if (expected.length !== undefined) words.push(`${expected.length} octets`);
  if (expected.text !== undefined) words.push(quote(expected.text));
  if (expected.payload !== undefined) words.push(quote(asText(expected.payload)));
  return words.join(' ');
}

/** A frame that was expected did not come. The message says what did, point by point. */
export class ExpectationError extends Error {
  override readonly name: string = 'ExpectationError';
  /** The line of what should have come. */
  readonly expected: string;
  /** The line of what came instead; null: nothing did. */
  readonly actual: string | null;

  constructor(expected: string, actual: string | null, message: string) {
    super(message);
    this.expected = expected;
    this.actual = actual;
  }
}

/**
 * The error for a frame that is not `expected` (text: something that is no frame); `instead` null: none came, because of `why`. `transcript`: what was said so
 * far, for the message.
 */
export function failedExpectation(
  expected: FrameExpectation | string,
  instead: Frame | null,
  why: string,
  transcript: readonly string[],
): ExpectationError {
  const wanted = typeof expected === 'string' ? expected : describeExpectation(expected);
  const came = instead === null ? null : describeFrame(instead);
  const lines = [`expected  ${wanted}`, `but       ${came === null ? why : `came ${came}`}`];
  if (instead !== null && typeof expected !== 'string') {
    for (const { what, expected: should, actual } of differences(expected, instead)) {
      lines.push(`  ${what}: expected ${should}, is ${actual}`);
    }
  }
  lines.push('so far:', ...(transcript.length === 0 ? ['  nothing'] : transcript.map(line => `  ${line}`)));
  return new ExpectationError(wanted, came, lines.join('\n'));
}
