// Runs one command as one line of progress. Node built-ins only.
import { spawn } from 'node:child_process';
import { ROOT } from './workspace.mjs';

/** How often a long step says that it is alive. */
const HEARTBEAT_MS = 15_000;
const GRACE_MS = 5_000;

/** What is captured is printed with an indent, perhaps into a log file; colours only where a person looks. */
const PLAIN = process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1', FORCE_COLOR: '0' };

/** Process groups under way, so that an interrupted run leaves nothing behind. */
const running = new Set();

/** Seconds for people. */
export function seconds(ms) {
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/**
 * Runs a command and keeps its output. Says that it began, that it is still at it, and how it ended; the output is
 * shown only when it failed.
 *
 * @param {string} title what the command does, for the progress lines
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, timeoutMs?: number, quiet?: boolean, hide?: RegExp }} [options]
 *   `quiet`: no word about success; `hide`: what of the output not to show after a failure
 * @returns {Promise<{ ok: boolean, output: string, ms: number }>}
 */
export async function step(title, program, args, options = {}) {
  const { timeoutMs = 300_000, quiet = false, hide = /(?!)/g } = options;
  const began = Date.now();
  const heartbeat = setInterval(() => console.log(`  ... ${title}, ${seconds(Date.now() - began)}`), HEARTBEAT_MS);
  const { code, output, timedOut } = await capture(program, args, { ...options, timeoutMs });
  clearInterval(heartbeat);
  const ms = Date.now() - began;
  const ok = code === 0;
  if (!ok) {
    const how = timedOut ? `took longer than ${seconds(timeoutMs)}` : `exit code ${code}`;
    console.log(`  FAILED ${title} (${how})`);
    console.log(output.replaceAll(hide, '').trimEnd().replaceAll(/^/gm, '    '));
  } else if (!quiet) {
    console.log(`  ok ${title}, ${seconds(ms)}`);
  }
  return { ok, output, ms };
}

/** Runs a command to its end; never rejects. Exit code 127 when it cannot be started. */
export function capture(program, args, { cwd = ROOT, env = {}, timeoutMs = 300_000 } = {}) {
  return new Promise(done => {
    // A group of its own: a test runner's workers and browsers end with it.
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...PLAIN, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    running.add(child);
    const chunks = [];
    child.stdout.on('data', chunk => chunks.push(chunk));
    child.stderr.on('data', chunk => chunks.push(chunk));
    let timedOut = false;
    let force;
    const timer = setTimeout(() => {
      timedOut = true;
      end(child, 'SIGTERM');
      force = setTimeout(() => end(child, 'SIGKILL'), GRACE_MS);
    }, timeoutMs);
    const finish = (code, extra = '') => {
      clearTimeout(timer);
      clearTimeout(force);
      running.delete(child);
      done({ code, timedOut, output: Buffer.concat(chunks).toString('utf8') + extra });
    };
    child.on('error', error => finish(127, error.message));
    child.on('close', code => finish(timedOut ? 124 : (code ?? 1)));
  });
}

function end(child, signal) {
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** Ends everything under way when this process is told to end. */
export function endWithChildren() {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.once(signal, () => {
      for (const child of running) end(child, 'SIGTERM');
      process.exit(code);
    });
  }
}
