import { readdirSync, readFileSync } from 'node:fs';
import { RULES } from '@glassway/h2-core';
import { expect, test } from 'vitest';
import { ADVICE, errorsDoc, HPACK_RULES, OTHER_ENDS } from '../errors-doc.mjs';
import { inRoot } from '../lib/workspace.mjs';

/** Everything below a directory of sources, in one text. */
function sources(directory) {
  return readdirSync(inRoot(directory), { recursive: true })
    .filter(file => file.endsWith('.ts'))
    .map(file => readFileSync(inRoot(directory, file), 'utf8'))
    .join('\n');
}

const ids = (text, pattern) => [...new Set([...text.matchAll(pattern)].map(([, id]) => id))].sort();

test('docs/errors.md is what scripts/errors-doc.mjs writes', () => {
  expect(readFileSync(inRoot('docs/errors.md'), 'utf8')).toBe(errorsDoc());
});

test('it says for each rule what it ends and what to do, and the options it names exist', () => {
  expect(Object.keys(ADVICE)).toEqual(Object.keys(RULES));
  const declared = ids(sources('packages/h2-core/src'), /readonly (\w+)\?:/g);
  const named = Object.values(ADVICE).flatMap(([, advice]) => ids(advice, /`(\w+)`/g));
  expect(named.filter(option => option !== 'accept' && !declared.includes(option))).toEqual([]);
});

test('it names every rule of HPACK, and no other', () => {
  const declared = ids(readFileSync(inRoot('packages/hpack/src/errors.ts'), 'utf8'), /^ {2}\| '(hpack\.[a-z-]+)'/gm);
  expect(Object.keys(HPACK_RULES).sort()).toEqual(declared);
});

test('it names every other id that the core gives an H2Error', () => {
  const text = sources('packages/h2-core/src');
  const literal = ids(text, /rule: '([a-z-]+\.[a-z-]+)'/g);
  // A tap hears of these, and the peer; no error of ours has them.
  const unheard = ['accept.connection-ended', 'accept.queue-full'];
  expect(Object.keys(OTHER_ENDS).sort()).toEqual(
    [...literal, ...unheard, 'connection.destroyed', 'push.untaken'].sort(),
  );
  for (const id of ids(text, /'([a-z-]+\.[a-z-]+)', 'library'\)/g)) expect(Object.keys(RULES)).toContain(id);
});
