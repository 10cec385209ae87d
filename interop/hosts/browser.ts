/** The scenario in a browser: what a page or a worker would do, bundled without anything of Node. */
import { inMemory, webStreams } from './links.ts';
import { rawCore } from './raw-core.ts';
import { type Outcome, runAll } from './scenario.ts';

/** Runs everything over the transports a page can make; how it went, by transport. */
export async function run(): Promise<Record<string, Outcome[]>> {
  return {
    'the core alone': await rawCore(),
    'pair() in memory': await runAll(inMemory),
    'WHATWG streams': await runAll(webStreams),
  };
}
