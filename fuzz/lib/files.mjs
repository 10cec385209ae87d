// Where cases are kept.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** Directory of a target's corpus, or of what has failed. */
export const corpusOf = name => join(ROOT, 'corpus', name);
export const failuresOf = name => join(ROOT, 'failures', name);

/** The cases in a directory, by file name; empty when it is not there. */
export function readCases(directory) {
  let names = [];
  try {
    names = readdirSync(directory).filter(name => name.endsWith('.case'));
  } catch {
    // Nothing kept yet.
  }
  return new Map(names.sort().map(name => [name, readFileSync(join(directory, name), 'utf8')]));
}

/** Keeps a case under a name made of its text; gives the path. */
export function writeCase(directory, prefix, text) {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${prefix}-${createHash('sha256').update(text).digest('hex').slice(0, 10)}.case`);
  writeFileSync(file, text);
  return file;
}
