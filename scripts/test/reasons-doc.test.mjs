import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { inRoot } from '../lib/workspace.mjs';
import { reasonsDoc } from '../reasons-doc.mjs';

test('docs/reasons.md is what scripts/reasons-doc.mjs writes', async () => {
  const { REASONS } = await import(inRoot('apps/gateway/dist/exchange/reason.js'));
  expect(readFileSync(inRoot('docs/reasons.md'), 'utf8')).toBe(reasonsDoc(REASONS));
});
