import type { Field, JsonSchema, Problems, Shape } from './shape.ts';
import type { Source } from './source.ts';

type Fields<T> = { readonly [Key in keyof T]-?: Field<T[Key]> };

/** A map with fixed keys, and what it stands for where the user says nothing. */
export interface MapShape<T> extends Shape<T> {
  readonly fields: Readonly<Record<string, Field<unknown>>>;
}

/**
 * A map with fixed keys. `defaults` has a value for each that is not required; a key nobody knows is an error, with the one
 * that was probably meant. `check` answers what is wrong with the whole, null: nothing.
 */
export function map<T extends object>(
  fields: Fields<T>,
  defaults: Partial<T>,
  check?: (value: T) => string | null,
): MapShape<T> {
  const names = new Map<string, keyof T & string>();
  for (const key of Object.keys(fields) as (keyof T & string)[]) names.set(fields[key].name ?? key, key);
  return {
    fields: fields as Fields<unknown> as Readonly<Record<string, Field<unknown>>>,
    schema: schemaOf(fields, defaults),
    read: (source, path, problems) => {
      if (source.kind !== 'map') return problems.expected(source, path, 'a map of settings');
      const before = problems.list.length;
      const value: Partial<T> = { ...defaults };
      const seen = new Set<string>();
      for (const { key: name, keyPlace, value: inner } of source.entries) {
        const at = path === '' ? name : `${path}.${name}`;
        const key = names.get(name);
        if (key === undefined) {
          unknownKey({ ...inner, place: keyPlace }, at, name, [...names.keys()], problems);
          continue;
        }
        seen.add(key);
        const read = fields[key].shape.read(inner, at, problems);
        if (read !== undefined) value[key] = read;
      }
      for (const [name, key] of names) {
        if (fields[key].isRequired !== true || seen.has(key)) continue;
        problems.add(source, path, `"${name}" is missing: ${fields[key].about}`);
      }
      if (problems.list.length !== before) return undefined;
      const wrong = check?.(value as T) ?? null;
      return wrong === null ? (value as T) : problems.add(source, path, wrong);
    },
    write: value => {
      const written: Record<string, unknown> = {};
      for (const [name, key] of names) {
        if (value[key] !== null && value[key] !== undefined) written[name] = fields[key].shape.write(value[key]);
      }
      return written;
    },
  };
}

function schemaOf<T extends object>(fields: Fields<T>, defaults: Partial<T>): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  for (const key of Object.keys(fields) as (keyof T & string)[]) {
    const { name = key, shape, about, isRequired } = fields[key] as Field<unknown>;
    const preset = defaults[key];
    const hasDefault = preset !== undefined && preset !== null && shape.fields === undefined;
    properties[name] = { description: about, ...shape.schema, ...(hasDefault ? { default: shape.write(preset) } : {}) };
    if (isRequired === true) required.push(name);
  }
  return {
    type: 'object',
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

function unknownKey(source: Source, path: string, name: string, known: readonly string[], problems: Problems): void {
  const close = known.map(each => [each, distance(each.toLowerCase(), name.toLowerCase())] as const);
  const [best, far] = close.sort((a, b) => a[1] - b[1])[0] ?? ['', Number.POSITIVE_INFINITY];
  const hint = far <= Math.max(1, name.length / 3) ? `did you mean "${best}"?` : `there are: ${known.join(', ')}`;
  problems.add(source, path, `there is no setting "${name}" here; ${hint}`);
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, swap));
    }
    previous = current;
  }
  return previous[b.length]!;
}
