// What the repository consists of. Node built-ins only: this runs before anything is installed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The repository's root directory. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** Absolute path of a file or directory given relative to the root. */
export function inRoot(...parts) {
  return join(ROOT, ...parts);
}

/** Parsed JSON file, or null when it is absent or damaged. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** Directories of the workspaces, relative to `root`, as package.json names them. */
export function workspaceDirectories(root = ROOT) {
  const { workspaces } = readJson(join(root, 'package.json'));
  return workspaces
    .flatMap(pattern => {
      if (!pattern.endsWith('/*')) return [pattern];
      const parent = pattern.slice(0, -2);
      if (!existsSync(join(root, parent))) return [];
      return readdirSync(join(root, parent)).map(name => `${parent}/${name}`);
    })
    .filter(directory => existsSync(join(root, directory, 'package.json')));
}

/** The JavaScript entry of an installed command, to be run with this very Node, without a shell. */
export function toolPath(name) {
  const entries = {
    biome: 'node_modules/@biomejs/biome/bin/biome',
    playwright: 'node_modules/playwright/cli.js',
    tsc: 'node_modules/typescript/bin/tsc',
    turbo: 'node_modules/turbo/bin/turbo',
    vitest: 'node_modules/vitest/vitest.mjs',
  };
  return inRoot(entries[name]);
}
