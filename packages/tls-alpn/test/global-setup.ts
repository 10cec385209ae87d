import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { DevelopmentCa } from '../src/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Directory of an authority for all test files: making its RSA key is the slow part. */
    caDirectory: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'glassway-tls-'));
  await DevelopmentCa.open({ directory });
  project.provide('caDirectory', directory);
  return () => rm(directory, { recursive: true, force: true });
}
