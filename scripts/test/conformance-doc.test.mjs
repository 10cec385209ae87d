// docs/conformance.md names tests: each file is there, and the words that are said to stand in it do.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { inRoot } from '../lib/workspace.mjs';

/** Test files by name without endings. */
const files = new Map();
for (const root of ['packages', 'apps']) {
  for (const part of readdirSync(inRoot(root))) {
    let found = [];
    try {
      found = readdirSync(inRoot(join(root, part, 'test')), { recursive: true });
    } catch {
      // A package without tests has nothing to be named.
    }
    for (const file of found.filter(name => name.endsWith('.ts') && !name.includes('node_modules'))) {
      const stem = basename(file).replace(/(\.test)?\.ts$/, '');
      files.set(stem, [...(files.get(stem) ?? []), inRoot(join(root, part, 'test', file))]);
    }
  }
}

const rows = readFileSync(inRoot('docs/conformance.md'), 'utf8')
  .split('\n')
  .filter(line => /^\| [^-§]/.test(line))
  .map(line => line.slice(2, -2).split(' | '));

test('every row has five cells and names a test', () => {
  const bad = rows.filter(cells => cells.length !== 5 || !/^`[^`]+`(; `[^`]+`)*$/.test(cells[4] ?? ''));
  expect(bad).toEqual([]);
  expect(rows.length).toBeGreaterThan(150);
});

test('every test that is named exists', () => {
  const missing = [];
  for (const cells of rows) {
    for (const [, stem, words] of (cells[4] ?? '').matchAll(/`([\w-]+): ([^`]+)`/g)) {
      const texts = (files.get(stem) ?? []).map(file => readFileSync(file, 'utf8'));
      if (!texts.some(text => text.includes(words))) missing.push(`${stem}: ${words}`);
    }
  }
  expect(missing).toEqual([]);
});
