import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll } from 'vitest';

let shared: Promise<DevelopmentCa> | null = null;

/** The authority of a test file. Its directory goes with the file's last test. */
export function sharedCa(): Promise<DevelopmentCa> {
  shared ??= DevelopmentCa.open({ directory });
  return shared;
}

const directory = mkdtempSync(join(tmpdir(), 'glassway-interop-ca-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
