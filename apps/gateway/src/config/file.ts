/** The configuration file, YAML or JSON (which is YAML), as sources that know their line and column. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { UsageProblem } from './settings.ts';
import type { Place, Source } from './source.ts';

/** Nesting that no settings need; an alias may contain itself. */
const MAX_DEPTH = 32;
/** Far more than settings need. */
const MAX_NODES = 100_000;
/** Aliases of aliases multiply, and each is looked for. */
const MAX_ALIASES = 1000;

/** A file as it was read: the text, to see later whether it changed, and what it says. */
export interface ConfigFile {
  readonly text: string;
  readonly root: Source;
}

/** Reads a configuration file. Throws a UsageProblem that says where it is not YAML. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageProblem(`--config: cannot read ${path}: ${(error as Error).message}`);
  }
  return { text: content, root: parseConfig(content, basename(path), dirname(resolve(path))) };
}

/** Reads the text of a configuration file; `name` and `directory` are the file's, for messages and relative paths. */
export function parseConfig(content: string, name: string, directory: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { where: `${name}:${Math.max(1, line)}:${Math.max(1, col)}`, isText: false, directory };
  };
  const wrong = [...document.errors, ...document.warnings];
  if (wrong.length > 0) {
    const sayOf = (code: string, message: string): string =>
      code === 'MULTIPLE_DOCS' ? 'a configuration is one YAML document, and here another begins' : message;
    const problems = wrong.map(({ pos, code, message }) => `${placeAt(pos[0]).where}: ${sayOf(code, message)}`);
    throw new UsageProblem(problems.join('\n'));
  }
  let nodes = 0;
  let aliases = 0;
  const convert = (node: unknown, fallback: Place, depth: number): Source => {
    const place = hasRange(node) ? placeAt(node.range[0]) : fallback;
    if (depth > MAX_DEPTH || ++nodes > MAX_NODES) throw new UsageProblem(`${place.where}: this is too large`);
    if (isAlias(node) && ++aliases > MAX_ALIASES) throw new UsageProblem(`${place.where}: too many aliases`);
    if (isAlias(node)) return convert(node.resolve(document), place, depth + 1);
    if (isMap(node)) {
      const entries = node.items.map(pair => {
        const { key, value } = pair as Pair;
        const keyPlace = hasRange(key) ? placeAt(key.range[0]) : place;
        return {
          key: isScalar(key) ? String(key.value) : String(key),
          keyPlace,
          value: convert(value, keyPlace, depth + 1),
        };
      });
      return { kind: 'map', entries, place };
    }
    if (isSeq(node)) return { kind: 'list', items: node.items.map(item => convert(item, place, depth + 1)), place };
    const value: unknown = isScalar(node) ? node.value : null;
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    return { kind: 'scalar', value: isPlain ? value : null, place };
  };
  const start = placeAt(0);
  // An empty file says nothing, which is as good as an empty map.
  if (document.contents === null) return { kind: 'map', entries: [], place: start };
  return convert(document.contents, start, 0);
}

function hasRange(node: unknown): node is Node & { range: [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}
