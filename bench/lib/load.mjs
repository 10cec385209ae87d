/** Load by h2load (nghttp2-client), pinned to the other core, and what it cost the process under test. */

import { spawn } from 'node:child_process';
import { cpuMicros } from './process.mjs';

/**
 * One run. Answers requests/s and CPU microseconds per request of `server`; throws when any request failed, so that a
 * server cannot win by refusing.
 */
export async function load({ server, path = '/', requests, clients, streams, tls = false, upload, core = 1 }) {
  const args = ['-c', String(core), 'h2load', '-n', String(requests), '-c', String(clients), '-m', String(streams)];
  if (upload !== undefined) args.push('-d', upload);
  args.push(`${tls ? 'https' : 'http'}://127.0.0.1:${server.port}${path}`);
  const before = cpuMicros(server.pid);
  const output = await run('taskset', args);
  const cpu = cpuMicros(server.pid) - before;
  const rate = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1]);
  const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1]);
  const ok = Number(/status codes: (\d+) 2xx/.exec(output)?.[1]);
  if (succeeded !== requests || ok !== requests) {
    throw new Error(`${server.name}: ${succeeded} of ${requests} requests succeeded, ${ok} with 2xx\n${output}`);
  }
  return { rate, cpuPerRequest: cpu / requests };
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
    child.once('exit', code => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}\n${output}`));
    });
  });
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/**
 * Three interleaved rounds over all servers (so that a slow minute of the machine hits all of them), after one to warm
 * up. Answers a map from server name to medians.
 */
export async function compare(servers, shape, rounds = 3) {
  const samples = new Map(servers.map(server => [server.name, []]));
  for (const server of servers) await load({ server, ...shape, requests: Math.ceil(shape.requests / 5) });
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) samples.get(server.name).push(await load({ server, ...shape }));
  }
  return new Map(
    [...samples].map(([name, runs]) => [
      name,
      { rate: median(runs.map(run => run.rate)), cpuPerRequest: median(runs.map(run => run.cpuPerRequest)) },
    ]),
  );
}
