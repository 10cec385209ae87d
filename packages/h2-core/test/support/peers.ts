import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';

/** vitest's `test`, skipped when the peer is missing; under CI a missing peer fails. */
export function withPeer(name: string, present: boolean): typeof test {
  if (!present && process.env['CI'] === 'true') throw new Error(`${name} is missing; CI runs with every peer`);
  return test.skipIf(!present) as unknown as typeof test;
}

/** True when the program can be run by its name. */
export const inPath = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some(directory => existsSync(join(directory, program)));
