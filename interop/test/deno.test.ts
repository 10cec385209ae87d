/** The scenario in Deno, which is allowed loopback and nothing else. */
import { testRuntime } from './support/host-tests.ts';
import { DENO, runtime } from './support/runtimes.ts';

testRuntime(
  await runtime(DENO),
  'Deno',
  ['run', '--no-lock', '--no-remote', '--no-prompt', '--allow-net=127.0.0.1', 'hosts/deno.ts'],
  ['pair() in memory', 'WHATWG streams', 'Deno.connect and Deno.listen'],
);
