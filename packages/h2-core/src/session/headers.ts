import { UsageError } from '../errors.ts';
import type { FieldList } from '../handler.ts';
import { shown } from '../shown.ts';
import { inspectAsText } from './inspect.ts';

/** One field line. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** Never to be kept in a compression table, here and at every later hop (RFC 7541 7.1.3). Default false. */
  readonly sensitive?: boolean;
}

/**
 * Fields as a program gives them: an object (a list value becomes several field lines), a `HeaderList`, a WHATWG
 * `Headers`, or anything that iterates over `[name, value]` or `{ name, value, sensitive }`. Names may be in any case;
 * they are sent in lower case (RFC 9113 8.2.1).
 */
export type HeadersInput =
  | Readonly<Record<string, string | number | readonly string[] | undefined>>
  | Iterable<readonly [string, string] | HeaderField>;

/** Received fields: in wire order, duplicates kept, names in lower case. Looking up ignores the case of names. */
export class HeaderList implements Iterable<[string, string]> {
  /** Name, value, name, value ... as received. */
  readonly fields: FieldList;
  private readonly sensitive: readonly number[] | null;

  constructor(fields: FieldList = [], sensitive: readonly number[] | null = null) {
    this.fields = fields;
    this.sensitive = sensitive;
  }

  /** Field lines. */
  get size(): number {
    return this.fields.length >>> 1;
  }

  /**
   * The value of a field; null without one. Several lines are joined as RFC 9110 5.3 says, by a comma, those of `cookie`
   * by a semicolon (RFC 9113 8.2.3). Use `getAll` for `set-cookie`, which cannot be joined.
   */
  get(name: string): string | null {
    const { fields } = this;
    const wanted = nameText(name);
    let value: string | null = null;
    for (let i = 0; i < fields.length; i += 2) {
      if (fields[i] !== wanted) continue;
      if (value === null) value = fields[i + 1] as string;
      else value += (wanted === 'cookie' ? '; ' : ', ') + (fields[i + 1] as string);
    }
    return value;
  }

  /** The values of all lines of a field, in order. */
  getAll(name: string): string[] {
    const { fields } = this;
    const wanted = nameText(name);
    const values: string[] = [];
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === wanted) values.push(fields[i + 1] as string);
    return values;
  }

  /** True when there is a line with this name. */
  has(name: string): boolean {
    const { fields } = this;
    const wanted = nameText(name);
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === wanted) return true;
    return false;
  }

  /** True when a line with this name was marked never indexed by the peer (RFC 7541 7.1.3). */
  isSensitive(name: string): boolean {
    const wanted = nameText(name);
    return this.sensitive?.some(at => this.fields[at] === wanted) ?? false;
  }

  /** `[name, value]`, line by line. */
  *[Symbol.iterator](): IterableIterator<[string, string]> {
    const { fields } = this;
    for (let i = 0; i < fields.length; i += 2) yield [fields[i] as string, fields[i + 1] as string];
  }

  /** Line by line with the never-indexed mark; what `HeadersInput` takes, so that a proxy loses nothing. */
  *lines(): IterableIterator<Required<HeaderField>> {
    const { fields, sensitive } = this;
    for (let i = 0; i < fields.length; i += 2) {
      yield { name: fields[i] as string, value: fields[i + 1] as string, sensitive: sensitive?.includes(i) ?? false };
    }
  }

  /** For people: the names, in order. Values are left out, for some are secrets. */
  toString(): string {
    return `[${this.fields.filter((_, at) => (at & 1) === 0).join(', ')}]`;
  }

  static {
    inspectAsText(HeaderList.prototype);
  }
}

const NONE: FieldList = [];

/** Fields in the core's form, with the positions of the sensitive ones. */
export interface FlatFields {
  readonly fields: FieldList;
  readonly sensitive: readonly number[] | null;
}

const NO_FIELDS: FlatFields = { fields: NONE, sensitive: null };

/** Turns a program's fields into the core's form. What is none throws a `UsageError` (`api.headers`, `api.field`). */
export function flatten(input: HeadersInput | undefined): FlatFields {
  if (input === undefined) return NO_FIELDS;
  if (typeof input !== 'object' || input === null) return refuse(input);
  if (input instanceof HeaderList) return flattenLines(input.lines());
  if (Symbol.iterator in input) return flattenLines(input as Iterable<readonly [string, string] | HeaderField>);
  const fields: string[] = [];
  for (const key of Object.keys(input)) {
    const value = input[key];
    if (value === undefined) continue;
    const name = key.toLowerCase();
    if (typeof value === 'string') fields.push(name, value);
    else if (Array.isArray(value)) for (const one of value) fields.push(name, text(name, one));
    else fields.push(name, text(name, value));
  }
  return { fields, sensitive: null };
}

function flattenLines(lines: Iterable<readonly [string, string] | HeaderField>): FlatFields {
  const fields: string[] = [];
  let sensitive: number[] | null = null;
  for (const line of lines) {
    if (typeof line !== 'object' || line === null) return refuseLine(line);
    if ('name' in line) {
      if (line.sensitive === true) {
        sensitive ??= [];
        sensitive.push(fields.length);
      }
      fields.push(nameText(line.name), text(line.name, line.value));
    } else if (Array.isArray(line) && line.length === 2) {
      fields.push(nameText(line[0]), text(line[0], line[1]));
    } else {
      return refuseLine(line);
    }
  }
  return { fields, sensitive };
}

function refuse(input: unknown): never {
  const forms = "an object such as { accept: '*/*' }, a HeaderList, a Headers, or a list of [name, value]";
  throw new UsageError('api.headers', `fields are given as ${forms}, not as ${shown(input)}`);
}

function refuseLine(line: unknown): never {
  throw new UsageError(
    'api.headers',
    `a line of a list of fields is [name, value] or { name, value }, not ${shown(line)}`,
  );
}

function nameText(name: unknown): string {
  if (typeof name === 'string') return name.toLowerCase();
  throw new UsageError('api.field', `the name of a field is a string, not ${shown(name)}`);
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  throw new UsageError('api.field', `the value of field ${JSON.stringify(name)} is not a string or a finite number`);
}
