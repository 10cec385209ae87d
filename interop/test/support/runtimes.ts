/** Other runtimes: 100 MB each. */
import { join } from 'node:path';
import { run } from '../../peers/programs.ts';
import { onDemand } from './on-demand.ts';

/** How a runtime is had. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** The program inside node_modules. */
  readonly program: string;
}

/** A runtime that runs here, or why there is none. */
export type FoundRuntime =
  | { readonly path: string; readonly reason: null }
  | { readonly path: null; readonly reason: string };

export const BUN: Runtime = { name: 'bun', version: '1.4.5', program: 'bun/bin/bun.exe' };
export const DENO: Runtime = {
  name: 'deno',
  version: '2.9.6',
  program: process.platform === 'win32' ? 'deno/deno.exe' : 'deno/deno',
};

/** The runtime's program, installed the first time. Both fetch or place it by an install script. */
export async function runtime({ name, version, program }: Runtime): Promise<FoundRuntime> {
  const { nodeModules, reason } = await onDemand({
    packages: [`${name}@${version}`],
    scripts: [name],
    async works(directory) {
      const { ok, output } = await run(join(directory, program), ['--version'], { timeout: 20_000 });
      return ok && output.includes(version);
    },
  });
  return nodeModules === null ? { path: null, reason } : { path: join(nodeModules, program), reason: null };
}
