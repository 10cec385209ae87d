import { UsageError } from '../errors.ts';
import type { FieldList } from '../handler.ts';
import { classifyField, FieldClass, parseLength } from './field-class.ts';

const CLASS_NAMES: Readonly<Record<number, string>> = {
  [FieldClass.BAD_NAME]: 'has a name that is not a lower-case token',
  [FieldClass.BAD_VALUE]: 'has a value with a character that is not allowed or white space at an end',
  [FieldClass.CONNECTION_SPECIFIC]: 'is connection-specific and does not exist in HTTP/2 (RFC 9113 8.2.2)',
  [FieldClass.BAD_TE]: 'may only be `trailers` (RFC 9113 8.2.2)',
};

/**
 * Field lines found good, by name with the last value: programs send the same ones over and over, and the check depends
 * on nothing else. Bounded; a full memo starts anew.
 */
const CHECKED: Map<string, string> = new Map();
const CHECKED_LIMIT = 512;
/** Longer values are checked each time, so that the memo stays small. */
const CHECKED_LENGTH = 256;

/**
 * Checks fields a program wants to send; throws a `UsageError` that names the first bad one. RFC 9113 8.2. Returns the value
 * of content-length, -1 without one.
 */
export function checkFields(fields: FieldList): number {
  if ((fields.length & 1) !== 0) throw new UsageError('api.fields', 'a field list needs a value for every name');
  let length = -1;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (typeof name !== 'string' || typeof value !== 'string') {
      throw new UsageError(
        'api.fields',
        `a field list has strings only, not ${typeof name} and ${typeof value} at ${i}`,
      );
    }
    if (name === 'content-length') {
      // Digits, so good as a field too.
      length = checkLength(value, length);
      continue;
    }
    if (CHECKED.get(name) === value) continue;
    const kind = classifyField(name, value);
    if (kind >= FieldClass.METHOD || kind < FieldClass.REGULAR) {
      const why = CLASS_NAMES[kind] ?? 'is a pseudo-field; those are given apart from the fields';
      throw new UsageError('api.field', `field ${JSON.stringify(name)} ${why}`);
    }
    if (name.length > CHECKED_LENGTH || value.length > CHECKED_LENGTH) continue;
    if (CHECKED.size >= CHECKED_LIMIT) CHECKED.clear();
    CHECKED.set(name, value);
  }
  return length;
}

/** The content-length that was checked last, since bodies of one size are sent over and over; and what it says. */
let lastLengthText = '0';
let lastLength = 0;

/** RFC 9110 8.6: digits, once, or the same again. */
function checkLength(value: string, before: number): number {
  const length = value === lastLengthText ? lastLength : parseLength(value);
  if (length >= 0 && (before < 0 || before === length)) {
    lastLengthText = value;
    lastLength = length;
    return length;
  }
  throw new UsageError('api.content-length', `content-length is ${JSON.stringify(value)}, or stands twice`);
}
