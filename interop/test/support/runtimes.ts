/** Other runtimes, from the package registry, when a test wants them: 100 MB each, so no dependencies of the repository. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from './programs.ts';

/** How a runtime is had. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** The program inside node_modules. */
  readonly program: string;
}

/** A runtime that runs here, or why there is none. */
export type Found = { readonly path: string; readonly reason: null } | { readonly path: null; readonly reason: string };

const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache/glassway/runtimes');
const INSTALL_MS = 150_000;

export const BUN: Runtime = { name: 'bun', version: '1.4.5', program: 'bun/bin/bun.exe' };
export const DENO: Runtime = {
  name: 'deno',
  version: '2.9.6',
  program: process.platform === 'win32' ? 'deno/deno.exe' : 'deno/deno',
};

/** The runtime's program, installed the first time. */
export async function runtime({ name, version, program }: Runtime): Promise<Found> {
  const directory = join(CACHE, `${name}-${version}`);
  const path = join(directory, 'node_modules', program);
  const works = async (): Promise<boolean> => {
    const { ok, output } = await run(path, ['--version'], { timeout: 20_000 });
    return ok && output.includes(version);
  };
  if (await works()) return { path, reason: null };
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  // Both fetch or place their program by an install script, which npm runs only for those named.
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, allowScripts: { [name]: true } }));
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline', '--loglevel=error'];
  const npm = process.env['npm_execpath'];
  const [command, first] = npm?.endsWith('npm-cli.js') ? [process.execPath, [npm]] : ['npm', []];
  // Under `npm test` the environment names the repository as the place to install into.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^npm_(?:package_|lifecycle_|config_(?:local_)?prefix$)/.test(key)),
  );
  const options = { cwd: directory, env, timeout: INSTALL_MS };
  const { output } = await run(command, [...first, ...args, `${name}@${version}`], options);
  if (await works()) return { path, reason: null };
  return { path: null, reason: `${name} ${version} could not be installed: ${output.trim().split('\n').at(-1)}` };
}
