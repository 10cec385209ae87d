import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildGo, GO_OFFLINE, PEERS, run, which } from '../../peers/programs.ts';

const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache/glassway/go');
let compiled: Promise<string> | null = null;

/** Why Go cannot be used here; null: it can. */
export const goMissing: string | null = which('go') === null ? 'go' : null;

/** Whether its standard library serves HTTP/2 in cleartext, as from version 1.24 on. */
export const goServesCleartext: boolean = goMissing === null && minorVersion() >= 24;

function minorVersion(): number {
  const printed = execFileSync('go', ['version'], { encoding: 'utf8', env: GO_OFFLINE });
  return Number(/go1\.(\d+)/.exec(printed)?.[1] ?? 0);
}

/** The Go peer, compiled when its sources have changed. */
export function goPeer(): Promise<string> {
  compiled ??= compile();
  return compiled;
}

async function compile(): Promise<string> {
  const hash = createHash('sha256');
  const sources = readdirSync(PEERS).filter(name => name.endsWith('.go'));
  for (const name of sources) hash.update(name).update(readFileSync(join(PEERS, name)));
  const { output: version } = await run('go', ['version'], { env: GO_OFFLINE });
  const program = join(CACHE, `peer-${hash.update(version).digest('hex').slice(0, 16)}`);
  if (which(program) !== null) return program;
  mkdirSync(CACHE, { recursive: true });
  return buildGo(program, PEERS, '.', { GOCACHE: join(CACHE, 'build') });
}
