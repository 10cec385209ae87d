/** What only a test wants and is too large for a dependency of the repository: installed the first time it is wanted. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../../peers/programs.ts';

/** Packages of the registry that go together. */
export interface Wanted {
  /** Names with exact versions, `name@version`. */
  readonly packages: readonly string[];
  /** Those whose install script has to run. */
  readonly scripts: readonly string[];
  /** Whether what is in node_modules works. */
  works(nodeModules: string): Promise<boolean>;
}

/** Where it is, or why it is nowhere. */
export type Found =
  | { readonly nodeModules: string; readonly reason: null }
  | { readonly nodeModules: null; readonly reason: string };

const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache/glassway/on-demand');
const INSTALL_MS = 150_000;

/** How this process was given npm, or the one in the path. */
export const NPM: readonly [string, readonly string[]] = process.env['npm_execpath']?.endsWith('npm-cli.js')
  ? [process.execPath, [process.env['npm_execpath']]]
  : ['npm', []];

/** Under `npm test` the environment names the repository as the place to install into. */
export function npmEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([key]) => !/^npm_(?:package_|lifecycle_|config_(?:local_)?prefix$)/.test(key),
  );
  return Object.fromEntries(kept);
}

/** The packages, installed into a directory of their own inside node_modules/.cache. */
export async function onDemand({ packages, scripts, works }: Wanted): Promise<Found> {
  const directory = join(CACHE, packages.join('+').replaceAll(/[^\w.+-]/g, '-'));
  const nodeModules = join(directory, 'node_modules');
  if (await works(nodeModules)) return { nodeModules, reason: null };
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  // Newer npm runs the scripts of those named only, older npm all.
  const allowScripts = Object.fromEntries(scripts.map(name => [name, true]));
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, allowScripts }));
  const [npm, first] = NPM;
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline', '--loglevel=error'];
  const options = { cwd: directory, env: npmEnvironment(), timeout: INSTALL_MS };
  const { output } = await run(npm, [...first, ...args, ...packages], options);
  if (await works(nodeModules)) return { nodeModules, reason: null };
  const why = output.trim().split('\n').at(-1);
  return { nodeModules: null, reason: `${packages.join(' and ')} could not be installed: ${why}` };
}
