import { describe, expect, test } from 'vitest';
import { parseCase } from '../lib/case.mjs';
import { corpusOf, readCases } from '../lib/files.mjs';
import { TARGETS } from '../targets/index.mjs';

// ROB-01: whatever fuzzing has found or begun with stays right.
describe.each([...TARGETS.keys()])('corpus of %s', name => {
  const cases = readCases(corpusOf(name));

  test('is there', () => {
    expect(cases.size).toBeGreaterThan(5);
  });

  test('no case fails, and none takes long', () => {
    for (const [file, text] of cases) {
      try {
        TARGETS.get(name).run(parseCase(text));
      } catch (error) {
        throw new Error(`node fuzz/run.mjs ${name} ${corpusOf(name)}/${file}`, { cause: error });
      }
    }
  });
});
