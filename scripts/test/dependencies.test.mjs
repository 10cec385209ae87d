import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fingerprint, isInstalled } from '../lib/dependencies.mjs';
import { inRoot, readJson } from '../lib/workspace.mjs';
import { tree } from './support.mjs';

const LOCK = {
  packages: {
    '': { name: 'root' },
    'packages/a': { version: '0.1.0' },
    'node_modules/@x/a': { resolved: 'packages/a', link: true },
    'node_modules/left': { version: '1.0.0' },
    'node_modules/left/node_modules/deep': { version: '3.0.0' },
    'node_modules/only-windows': { version: '2.0.0', optional: true },
  },
};

const { '': _root, 'node_modules/only-windows': _optional, ...PRESENT } = LOCK.packages;

function repository(present = PRESENT, missing = '') {
  const files = {
    'package.json': { workspaces: ['packages/*', 'extra'] },
    'package-lock.json': LOCK,
    'packages/a/package.json': { name: '@x/a' },
    'extra/package.json': { name: 'extra' },
    'node_modules/.package-lock.json': { packages: present },
    'node_modules/left/package.json': {},
    'node_modules/left/node_modules/deep/package.json': {},
    'node_modules/@x/a/package.json': {},
  };
  delete files[missing];
  return tree(files);
}

describe('isInstalled', () => {
  test('true when npm installed what the lock file names; other platforms’ packages may be absent', () => {
    expect(isInstalled(repository())).toBe(true);
  });

  test.each([
    ['another version', { ...PRESENT, 'node_modules/left': { version: '1.0.1' } }],
    ['a missing package', { ...PRESENT, 'node_modules/left': undefined }],
    ['a missing nested package', { ...PRESENT, 'node_modules/left/node_modules/deep': undefined }],
    ['a missing workspace link', { ...PRESENT, 'node_modules/@x/a': undefined }],
  ])('false with %s', (_what, present) => {
    expect(isInstalled(repository(present))).toBe(false);
  });

  test('false when a directory was deleted by hand', () => {
    expect(isInstalled(repository(PRESENT, 'node_modules/left/node_modules/deep/package.json'))).toBe(false);
  });

  test('false on a fresh clone', () => {
    expect(isInstalled(repository(PRESENT, 'node_modules/.package-lock.json'))).toBe(false);
  });
});

describe('fingerprint', () => {
  test.each(['package-lock.json', 'package.json', 'packages/a/package.json', 'extra/package.json'])(
    'changes with %s',
    file => {
      const root = repository();
      const before = fingerprint(root);
      expect(fingerprint(root)).toBe(before);
      writeFileSync(join(root, file), JSON.stringify({ workspaces: ['packages/*', 'extra'], changed: true }));
      expect(fingerprint(root)).not.toBe(before);
    },
  );
});

describe('package-lock.json', () => {
  const { packages } = readJson(inRoot('package-lock.json'));

  // A registry that lacks the builds for some platforms makes npm leave them out, and then `npm ci` fails there.
  test('names the builds of every tool for every platform', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        name => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });

  test('names no registry', () => {
    const resolved = Object.values(packages).filter(({ resolved, link }) => resolved !== undefined && link !== true);
    expect(resolved).toEqual([]);
  });
});
