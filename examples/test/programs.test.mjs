import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXAMPLES } from './program.mjs';

test('every program has a test', () => {
  const tests = readdirSync(import.meta.dirname).map(file => readFileSync(join(import.meta.dirname, file), 'utf8'));
  const programs = readdirSync(EXAMPLES).filter(file => /^[a-z].*\.m?[jt]s$/.test(file) && !file.includes('.config.'));
  expect(programs.length).toBeGreaterThan(0);
  expect(programs.filter(file => !tests.some(text => text.includes(`'${file}'`)))).toEqual([]);
});
