/** An empty project that has the packages as npm would publish them, and nothing else of this repository. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../../peers/programs.ts';
import { NPM, npmEnvironment } from './on-demand.ts';
import { scratch } from './programs.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** What is published, by directory. */
export const PUBLISHED = [
  'packages/hpack',
  'packages/h2-core',
  'packages/tls-alpn',
  'packages/inspector-protocol',
  'apps/gateway',
] as const;

/** A package.json, as far as it is looked at. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly sideEffects: boolean;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The package.json of a directory given relative to the repository's root. */
export function manifestOf(directory: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, directory, 'package.json'), 'utf8')) as Manifest;
}

/** Names by which everything published can be imported. */
export function doorsOf(directory: string): string[] {
  const { name, exports } = manifestOf(directory);
  return Object.keys(exports).map(door => `${name}${door.slice(1)}`);
}

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const [program, first] = NPM;
  const { ok, output, octets } = await run(program, [...first, ...args], {
    cwd,
    env: npmEnvironment(),
    timeout: 120_000,
  });
  if (!ok) throw new Error(`npm ${args.join(' ')} failed:\n${output}`);
  return octets.toString();
}

/** Packs directories as npm would for publishing, which starts npm once; gives the archives by directory. */
async function pack(directories: readonly string[], into: string): Promise<Map<string, string>> {
  const args = ['--json', '--ignore-scripts', '--loglevel=silent', '--pack-destination', into];
  const printed = await npm(ROOT, 'pack', ...args, ...directories.map(directory => `./${directory}`));
  const packed = JSON.parse(printed.slice(printed.indexOf('['))) as { filename: string }[];
  return new Map(
    directories.map((directory, i) => [directory, join(into, (packed[i] as { filename: string }).filename)]),
  );
}

/** A project and the archives of the packages by directory. */
export interface Consumer {
  readonly directory: string;
  readonly archives: ReadonlyMap<string, string>;
}

/**
 * Makes the project. Its other dependencies are packed from the repository's own node_modules: neither the network nor
 * anything not declared is of help.
 */
export async function consumer(): Promise<Consumer> {
  const directory = join(scratch(), 'project');
  const packs = join(directory, 'archives');
  mkdirSync(packs, { recursive: true });
  // What a program in TypeScript for Node has in any case.
  const others = new Set(['@types/node', 'undici-types']);
  for (const name of PUBLISHED.flatMap(each => Object.keys(manifestOf(each).dependencies ?? {}))) {
    if (!name.startsWith('@glassway/')) others.add(name);
  }
  const archives = await pack([...PUBLISHED, ...[...others].map(name => `node_modules/${name}`)], packs);
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }));
  await npm(
    directory,
    'install',
    '--offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...archives.values(),
  );
  return { directory, archives };
}
