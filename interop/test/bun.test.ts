/** The scenario in Bun. */
import { testRuntime } from './support/host-tests.ts';
import { BUN, runtime } from './support/runtimes.ts';

testRuntime(await runtime(BUN), 'Bun', ['hosts/bun.ts'], ['pair() in memory', 'WHATWG streams', 'TCP sockets']);
