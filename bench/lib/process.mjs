/** Processes under test: started on a core of their own, watched through /proc, stopped for sure. */

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';

/** Where load and backends run: beside the process under test, unless there is one core only. */
export const OTHER_CORE = availableParallelism() > 1 ? 1 : 0;

/** Clock ticks per second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS = 100;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** The path of a program, or null. */
export function which(program) {
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

function accepts(port) {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Time a process has to become ready, and between two looks at one that says nothing, milliseconds. */
const READY_MS = 30_000;
const LOOK_MS = 50;

/**
 * Starts a process on a core and waits until `ready` says so of its output; throws with the output when that does not come
 * to be within `READY_MS`. `output()` of the answer is what it has said lately.
 */
export async function startProcess({ name, core, command, env = {}, ready }) {
  const child = spawn('taskset', ['-c', String(core), ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  let output = '';
  // How long it took is measured too: not until the next look.
  let look = () => {};
  const keep = chunk => {
    output = (output + chunk).slice(-4000);
    look();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let exited = false;
  child.once('exit', () => {
    exited = true;
    running.delete(child);
  });
  const deadline = performance.now() + READY_MS;
  while (!exited && performance.now() < deadline) {
    if (await ready(output)) return { name, pid: child.pid, output: () => output, stop: () => stop(child) };
    await new Promise(resolve => {
      look = resolve;
      setTimeout(resolve, LOOK_MS);
    });
  }
  child.kill('SIGKILL');
  throw new Error(`${name} did not become ready:\n${output}`);
}

/** Starts a server on a core and waits until its port accepts. */
export async function startServer({ port, ...how }) {
  return { port, ...(await startProcess({ ...how, ready: () => accepts(port) })) };
}

function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise(resolve => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
}

function children(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function ticks(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]) + children(pid).reduce((sum, child) => sum + ticks(child), 0);
}

/** CPU time (user and system) a process and its children have used, microseconds. */
export function cpuMicros(pid) {
  return (ticks(pid) * 1e6) / TICKS;
}

/** Resident memory of a process and its children, octets. */
export function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const own = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  return own + children(pid).reduce((sum, child) => sum + residentBytes(child), 0);
}
