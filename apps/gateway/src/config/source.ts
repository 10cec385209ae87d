/**
 * Where a setting's value comes from: a place in the configuration file, a flag or a variable, all read by the same
 * shapes. A source knows its place, so that whatever is wrong with it is told where the user wrote it.
 */

/** A value as it was written. */
export type Source =
  | { readonly kind: 'scalar'; readonly value: string | number | boolean | null; readonly place: Place }
  | { readonly kind: 'list'; readonly items: readonly Source[]; readonly place: Place }
  | { readonly kind: 'map'; readonly entries: readonly SourceEntry[]; readonly place: Place };

/** One key of a map with its value. */
export interface SourceEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: Source;
}

/** Where something was written. */
export interface Place {
  /** `glassway.yaml:12:7` (line and column from 1), `--http` or `GLASSWAY_HTTP`. */
  readonly where: string;
  /** True for flags and variables: all values are texts there, and lists are separated by commas. */
  readonly isText: boolean;
  /** What relative paths are relative to; absent: the working directory. */
  readonly directory?: string;
}

/** Something wrong with the settings. */
export interface Problem {
  readonly where: string;
  /** The setting, `routes[2].path`; empty for the whole. */
  readonly path: string;
  /** What was found, and what was expected. */
  readonly text: string;
}

/** A value from a flag or a variable. `where`: as the user writes it. */
export function textSource(text: string, where: string): Source {
  return { kind: 'scalar', value: text, place: { where, isText: true } };
}

/** `where: path: text`, one line. */
export function problemLine({ where, path, text }: Problem): string {
  const prefix = where === '' ? '' : `${where}: `;
  return path === '' || where.startsWith('--') || where.startsWith('GLASSWAY_')
    ? `${prefix}${text}`
    : `${prefix}${path}: ${text}`;
}

/** The source at a path such as `['limits', 'http2']`, or the nearest one that is there. */
export function sourceAt(root: Source, path: readonly (string | number)[]): Source {
  let at = root;
  for (const step of path) {
    const next =
      at.kind === 'map'
        ? at.entries.find(entry => entry.key === step)?.value
        : at.kind === 'list'
          ? at.items[Number(step)]
          : undefined;
    if (next === undefined) return at;
    at = next;
  }
  return at;
}

/** `root` with `value` at a path of keys; what was there before is covered. */
export function withSource(root: Source, path: readonly string[], value: Source): Source {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const { place } = value;
  const entries = root.kind === 'map' ? root.entries : [];
  const before = entries.find(entry => entry.key === key);
  const inner = withSource(before?.value ?? { kind: 'map', entries: [], place }, rest, value);
  return {
    kind: 'map',
    entries: [...entries.filter(entry => entry !== before), { key, keyPlace: before?.keyPlace ?? place, value: inner }],
    place: root.place,
  };
}

/** What was found, for a message: a list, a map, or the value itself. */
export function describeSource(source: Source): string {
  if (source.kind === 'list') return 'a list';
  if (source.kind === 'map') return 'a map';
  return source.value === null ? 'nothing' : JSON.stringify(source.value);
}
