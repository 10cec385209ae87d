/** Load by h2load (nghttp2-client), pinned to the other core, and what it cost the process under test. */

import { spawn } from 'node:child_process';
import { cpuMicros, OTHER_CORE } from './process.mjs';

/**
 * One run. `fields`: more header fields per request; `table`: size of both dynamic tables, octets. Answers requests/s and CPU
 * microseconds per request of `server` and of h2load itself; throws when any request failed, so that a server cannot win by
 * refusing.
 */
export async function load({
  server,
  path = '/',
  requests,
  clients,
  streams,
  tls = false,
  upload,
  fields = 0,
  table,
  core = OTHER_CORE,
}) {
  const args = ['-c', String(core), 'h2load', '-n', String(requests), '-c', String(clients), '-m', String(streams)];
  if (upload !== undefined) args.push('-d', upload);
  // Short enough that 100 of them fit into a dynamic table of 4096 octets.
  for (let i = 0; i < fields; i++) args.push('-H', `x-${i}: v`);
  if (table !== undefined) args.push(`--header-table-size=${table}`, `--encoder-header-table-size=${table}`);
  args.push(`${tls ? 'https' : 'http'}://127.0.0.1:${server.port}${path}`);
  const before = cpuMicros(server.pid);
  const { output, micros } = await run('taskset', args);
  const cpu = cpuMicros(server.pid) - before;
  const rate = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1]);
  const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1]);
  const ok = Number(/status codes: (\d+) 2xx/.exec(output)?.[1]);
  if (succeeded !== requests || ok !== requests) {
    throw new Error(`${server.name}: ${succeeded} of ${requests} requests succeeded, ${ok} with 2xx\n${output}`);
  }
  return { rate, cpuPerRequest: cpu / requests, clientMicros: micros / requests };
}

/** CPU microseconds of a process that may be gone. */
function usedBy(pid) {
  try {
    return cpuMicros(pid);
  } catch {
    return null;
  }
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', chunk => {
      output += chunk;
    });
    child.stderr.on('data', chunk => {
      output += chunk;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 180_000);
    child.once('error', reject);
    // What it has used is known until it is gone for good.
    let micros = 0;
    const watch = setInterval(() => {
      micros = usedBy(child.pid) ?? micros;
    }, 50);
    // Later than its exit: all it said has been read.
    child.once('close', code => {
      clearTimeout(timer);
      clearInterval(watch);
      if (code === 0) resolve({ output, micros });
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}\n${output}`));
    });
  });
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Servers known to take ten times as long get so many times fewer requests: their cost per request is as steady. */
const SLOW = 4;

/**
 * Three interleaved rounds over all servers (so that a slow minute of the machine hits all of them), after one to warm
 * up. Answers a map from server name to medians.
 */
export async function compare(servers, shape, rounds = 3) {
  const samples = new Map(servers.map(server => [server.name, []]));
  const run = (server, part) =>
    load({ server, ...shape, requests: Math.ceil(shape.requests / part / (server.slow ? SLOW : 1)) });
  for (const server of servers) await run(server, 5);
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) samples.get(server.name).push(await run(server, 1));
  }
  return new Map(
    [...samples].map(([name, runs]) => [
      name,
      { rate: median(runs.map(run => run.rate)), cpuPerRequest: median(runs.map(run => run.cpuPerRequest)) },
    ]),
  );
}
