import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** An HPACK of someone else that answers each line of its input with one line. */
export interface Peer {
  readonly name: string;
  run(commands: readonly string[]): string[];
  dispose(): void;
}

const file = (name: string) => fileURLToPath(new URL(`../peers/${name}`, import.meta.url));

function peer(name: string, program: string, args: readonly string[], dispose: () => void): Peer {
  return {
    name,
    dispose,
    run(commands) {
      const input = commands.map(command => `${command}\n`).join('');
      const done = spawnSync(program, args, { input, encoding: 'latin1', timeout: 20_000, maxBuffer: 1 << 28 });
      if (done.status !== 0) throw new Error(`${name} ended with ${done.status ?? done.error}: ${done.stderr}`);
      const answers = done.stdout.split('\n').slice(0, -1);
      if (answers.length !== commands.length)
        throw new Error(`${name} answered ${answers.length} of ${commands.length}`);
      return answers;
    },
  };
}

/** python3-hpack, or null where no Python on this machine can import it. */
export function pythonPeer(): Peer | null {
  for (const python of ['python3', '/usr/bin/python3']) {
    const probe = spawnSync(python, ['-c', 'import hpack'], { timeout: 10_000 });
    if (probe.status === 0) return peer('python3-hpack', python, [file('peer.py')], () => {});
  }
  return null;
}

/** libnghttp2, or null where there is no C compiler or no libnghttp2-dev. */
export function nghttp2Peer(): Peer | null {
  const folder = mkdtempSync(join(tmpdir(), 'glassway-hpack-'));
  const program = join(folder, 'peer');
  const compiled = spawnSync('cc', ['-O1', '-o', program, file('peer.c'), '-lnghttp2'], { timeout: 20_000 });
  const dispose = () => rmSync(folder, { recursive: true, force: true });
  if (compiled.status === 0) return peer('libnghttp2', program, [], dispose);
  dispose();
  return null;
}
