/**
 * Shapes: what a setting looks like, said once. From a shape come the value (checked, with its default), what is wrong with
 * a source and where, the JSON Schema that editors use, and the flags and variables of the same name.
 */
import { describeSource, type Problem, type Source } from './source.ts';

/** A JSON Schema, draft 2020-12, as far as it is used here. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** Collects what is wrong, so that the user hears of everything at once. */
export class Problems {
  readonly list: Problem[] = [];

  /** Reports a problem with `source`; answers undefined, which stands for a value that cannot be used. */
  add(source: Source, path: string, text: string): undefined {
    this.list.push({ where: source.place.where, path, text });
  }

  /** The usual one: something else was expected. */
  expected(source: Source, path: string, expected: string): undefined {
    return this.add(source, path, `expected ${expected}, found ${describeSource(source)}`);
  }
}

/** What values of one kind look like. */
export interface Shape<T> {
  /** For editors. Accepts nothing that `read` refuses for its form; `read` may be stricter about what a text means. */
  readonly schema: JsonSchema;
  /** The value, or undefined when something was reported. `path`: the setting's name, `limits.headersTimeout`. */
  read(source: Source, path: string, problems: Problems): T | undefined;
  /** A value as it would be written in the file: durations as `10s`. */
  write(value: T): unknown;
  /** Settings within, for maps with fixed keys. */
  readonly fields?: Readonly<Record<string, Field<unknown>>>;
  /** A flag or a variable can hold it. */
  readonly isText?: boolean;
  /** A list: as text, its items are separated by commas, and a flag may be given several times. */
  readonly isList?: boolean;
  /** A switch: its flag takes no value. */
  readonly isSwitch?: boolean;
}

/** One setting within a map. */
export interface Field<T> {
  readonly shape: Shape<T>;
  /** Its name in the file, when that differs from the property: `headersTimeout` for `headersTimeoutMs`. */
  readonly name?: string;
  /** One sentence for editors, help and documentation. */
  readonly about: string;
  /** True: there is no default. */
  readonly isRequired?: boolean;
}

/** A field of a map. `about` says in one sentence what the setting does. */
export function field<T>(about: string, shape: Shape<T>, more: Omit<Field<T>, 'about' | 'shape'> = {}): Field<T> {
  return { about, shape, ...more };
}

/** Any text. `pattern` and `expected` say which; `check` answers what is wrong with one, null: nothing. */
export function text(
  expected = 'a text',
  options: { readonly pattern?: RegExp; readonly check?: (value: string) => string | null } = {},
): Shape<string> {
  const { pattern, check } = options;
  return {
    isText: true,
    schema: { type: 'string', ...(pattern === undefined ? { minLength: 1 } : { pattern: pattern.source }) },
    read: (source, path, problems) => {
      if (source.kind !== 'scalar' || typeof source.value !== 'string' || source.value === '') {
        return problems.expected(source, path, expected);
      }
      if (pattern !== undefined && !pattern.test(source.value)) return problems.expected(source, path, expected);
      const wrong = check?.(source.value) ?? null;
      return wrong === null ? source.value : problems.add(source, path, wrong);
    },
    write: value => value,
  };
}

/** One of a few words. */
export function oneOf<T extends string>(choices: readonly T[]): Shape<T> {
  return {
    isText: true,
    schema: { enum: [...choices] },
    read: (source, path, problems) => {
      const found = source.kind === 'scalar' ? choices.find(choice => choice === wordOf(source.value)) : undefined;
      return found ?? problems.expected(source, path, `one of ${choices.join(', ')}`);
    },
    write: value => value,
  };
}

/** YAML 1.1 habits: `off` and `on` may arrive as booleans from JSON written by programs. */
function wordOf(value: unknown): unknown {
  return value === false ? 'off' : value === true ? 'on' : value;
}

/** A whole number in a range. */
export function whole(min: number, max: number): Shape<number> {
  return {
    isText: true,
    schema: { type: 'integer', minimum: min, maximum: max },
    read: (source, path, problems) => {
      const value = source.kind === 'scalar' ? source.value : null;
      const number = typeof value === 'string' && source.place.isText && /^\d+$/.test(value) ? Number(value) : value;
      if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
      return problems.expected(source, path, `a whole number from ${min} to ${max}`);
    },
    write: value => value,
  };
}

/** On or off. */
export function flag(): Shape<boolean> {
  return {
    schema: { type: 'boolean' },
    isText: true,
    isSwitch: true,
    read: (source, path, problems) => {
      const value = source.kind === 'scalar' ? source.value : null;
      if (typeof value === 'boolean') return value;
      if (typeof value === 'string' && source.place.isText) {
        if (/^(?:1|true|yes|on)$/i.test(value)) return true;
        if (/^(?:0|false|no|off)$/i.test(value)) return false;
      }
      return problems.expected(source, path, 'true or false');
    },
    write: value => value,
  };
}

const DURATION = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/;
const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A time with its unit, in milliseconds: `250ms`, `10s`, `5m`, `1h`. `off` or 0 is 0, where `min` is 0. */
export function duration(min = 0, max: number = 2 ** 31 - 1): Shape<number> {
  const pattern = '^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$';
  const range =
    min === 0 ? `of at most ${writeDuration(max)}, or off` : `from ${writeDuration(min)} to ${writeDuration(max)}`;
  return {
    isText: true,
    schema: min === 0 ? { anyOf: [{ type: 'string', pattern }, { enum: ['off', 0] }] } : { type: 'string', pattern },
    read: (source, path, problems) => {
      const value = source.kind === 'scalar' ? source.value : null;
      if (min === 0 && (value === 0 || value === 'off' || value === false || value === '0')) return 0;
      const match = typeof value === 'string' ? DURATION.exec(value) : null;
      const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * DURATION_MS[match[2]!]!);
      if (ms >= min && ms <= max) return ms;
      return problems.expected(source, path, `a time such as 250ms, 10s or 5m ${range}`);
    },
    write: value => (value === 0 ? 'off' : writeDuration(value)),
  };
}

function writeDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'])
    if (ms > 0 && ms % DURATION_MS[unit]! === 0) return `${ms / DURATION_MS[unit]!}${unit}`;
  return `${ms}ms`;
}

const SIZE = /^([0-9]+)(?:([KMG])iB|B)?$/;
const SIZE_OCTETS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** A number of octets: `65536`, `64KiB`, `4MiB`, `1GiB`. `off` is 0, where `min` is 0. */
export function size(min: number, max: number): Shape<number> {
  const pattern = '^[0-9]+([KMG]iB|B)?$';
  return {
    isText: true,
    schema: {
      anyOf: [
        { type: 'integer', minimum: min, maximum: max },
        { type: 'string', pattern },
        ...(min === 0 ? [{ const: 'off' }] : []),
      ],
    },
    read: (source, path, problems) => {
      const value = source.kind === 'scalar' ? source.value : null;
      if (min === 0 && (value === 'off' || value === false)) return 0;
      const match = typeof value === 'string' || typeof value === 'number' ? SIZE.exec(String(value)) : null;
      const octets = match === null ? Number.NaN : Number(match[1]) * SIZE_OCTETS[match[2] ?? '']!;
      if (octets >= min && octets <= max) return octets;
      const range = `from ${writeSize(min)} to ${writeSize(max)}${min === 0 ? ', or off' : ''}`;
      return problems.expected(source, path, `a size such as 65536, 64KiB or 4MiB ${range}`);
    },
    write: value => (value === 0 && min === 0 ? 'off' : writeSize(value)),
  };
}

function writeSize(octets: number): string | number {
  for (const unit of ['G', 'M', 'K']) {
    const factor = SIZE_OCTETS[unit]!;
    if (octets >= factor && octets % factor === 0) return `${octets / factor}${unit}iB`;
  }
  return octets;
}

/** A list; one item may stand for itself, and texts are separated by commas. */
export function list<T>(item: Shape<T>, what = 'a list'): Shape<readonly T[]> {
  return {
    schema: { anyOf: [{ type: 'array', items: item.schema }, item.schema] },
    isList: true,
    ...(item.isText === true ? { isText: true } : {}),
    read: (source, path, problems) => {
      const values: T[] = [];
      const before = problems.list.length;
      if (source.kind === 'scalar' && source.value === null) return problems.expected(source, path, what);
      itemsOf(source).forEach((each, index) => {
        const value = item.read(
          each,
          source.kind === 'list' && !source.place.isText ? `${path}[${index}]` : path,
          problems,
        );
        if (value !== undefined) values.push(value);
      });
      return problems.list.length === before ? values : undefined;
    },
    write: value => value.map(each => item.write(each)),
  };
}

function itemsOf(source: Source): readonly Source[] {
  if (source.kind === 'list') return source.items.flatMap(each => (source.place.isText ? itemsOf(each) : [each]));
  if (source.kind === 'map' || !source.place.isText) return [source];
  const { place } = source;
  const parts = String(source.value).split(',');
  return parts
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(value => ({ kind: 'scalar', value, place }));
}

/** A map from names of the user's to values of one shape. */
export function dictionary<T>(
  value: Shape<T>,
  name: { readonly expected: string; readonly pattern: RegExp },
): Shape<Readonly<Record<string, T>>> {
  return {
    schema: { type: 'object', propertyNames: { pattern: name.pattern.source }, additionalProperties: value.schema },
    read: (source, path, problems) => {
      if (source.kind !== 'map')
        return problems.expected(source, path, `a map from ${name.expected} to their settings`);
      const before = problems.list.length;
      const values: Record<string, T> = Object.create(null);
      for (const { key, keyPlace, value: inner } of source.entries) {
        const at = path === '' ? key : `${path}.${key}`;
        if (!name.pattern.test(key)) {
          problems.add({ ...inner, place: keyPlace }, at, `expected ${name.expected}, found "${key}"`);
          continue;
        }
        const read = value.read(inner, at, problems);
        if (read !== undefined) values[key] = read;
      }
      return problems.list.length === before ? values : undefined;
    },
    write: values => Object.fromEntries(Object.entries(values).map(([key, each]) => [key, value.write(each)])),
  };
}

/** A value that may be absent: null then. `word`: what says so in the file, where that is possible at all. */
export function optional<T>(shape: Shape<T>, word?: string): Shape<T | null> {
  const isAbsent = (source: Source): boolean =>
    word !== undefined && source.kind === 'scalar' && wordOf(source.value) === word;
  return {
    ...shape,
    schema: word === undefined ? shape.schema : { anyOf: [shape.schema, { const: word }] },
    read: (source, path, problems) => (isAbsent(source) ? null : shape.read(source, path, problems)),
    write: value => (value === null ? (word ?? null) : shape.write(value)),
  };
}

/** The first of several forms that fits; the last one's complaint is what the user hears. */
export function either<T>(fits: (source: Source) => boolean, first: Shape<T>, otherwise: Shape<T>): Shape<T> {
  return {
    schema: { anyOf: [first.schema, otherwise.schema] },
    read: (source, path, problems) => (fits(source) ? first : otherwise).read(source, path, problems),
    write: value => otherwise.write(value),
  };
}
