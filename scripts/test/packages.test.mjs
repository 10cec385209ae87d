import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { capture } from '../lib/command.mjs';
import { inRoot, readJson, workspaceDirectories } from '../lib/workspace.mjs';

const PACKAGES = [...workspaceDirectories().filter(directory => directory.startsWith('packages/')), 'apps/gateway'];

/** Paths that npm would publish. */
async function packed(directory) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { code, output } = await capture(npm, ['pack', '--dry-run', '--json', '--loglevel=silent'], {
    cwd: inRoot(directory),
  });
  expect(code, output).toBe(0);
  const [{ files }] = JSON.parse(output.slice(output.indexOf('[')));
  return files.map(file => file.path);
}

describe.each(PACKAGES)('what npm would publish of %s', directory => {
  test('has every door with its types and the licence, and nothing but sources, their output and texts', async () => {
    const paths = await packed(directory);
    const { exports } = readJson(inRoot(directory, 'package.json'));
    const doors = Object.values(exports).flatMap(conditions => Object.values(conditions));
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', ...doors.map(path => path.slice(2))]));
    const wanted = /^(?:LICENSE|README\.md|package\.json|src\/.+\.ts|dist\/.+\.(?:js|d\.ts)(?:\.map)?)$/;
    // The command, the two pages that it serves, and the schema of its configuration.
    const served =
      /^(?:bin\/glassway\.js|glassway\.schema\.json|demo-page\/[^/]+|dist\/inspector\/(?:assets\/)?[^/]+)$/;
    const isWanted = path => wanted.test(path) || (directory === 'apps/gateway' && served.test(path));
    expect(paths.filter(path => !isWanted(path))).toEqual([]);
    // Maps lead from what is built to sources: both go along.
    const sources = paths.filter(path => path.startsWith('src/'));
    const built = sources.map(path => path.replace('src/', 'dist/').replace(/ts$/, 'js'));
    expect(paths).toEqual(expect.arrayContaining(built));
  });

  test('is under the licence of the repository', () => {
    const licence = inRoot(directory, 'LICENSE');
    expect(existsSync(licence)).toBe(true);
    expect(readFileSync(licence, 'utf8')).toBe(readFileSync(inRoot('LICENSE'), 'utf8'));
  });

  test('types come before code in every door', () => {
    for (const conditions of Object.values(readJson(inRoot(directory, 'package.json')).exports)) {
      expect(Object.keys(conditions)).toEqual(['@glassway/source', 'types', 'default']);
    }
  });
});
