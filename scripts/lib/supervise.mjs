// Runs one program in the foreground of `npm start`. Node built-ins only.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { pathToFileURL } from 'node:url';
import { inRoot, ROOT } from './workspace.mjs';

/** Ctrl-C arrives twice: from the terminal, and again from npm, which forwards it. */
const SAME_SIGNAL_MS = 500;

/**
 * Runs a Node program with our input and output, hands each signal on once, and resolves to the exit code to end with.
 *
 * A second signal counts only after a moment, because the gateway takes a second one as "now, without draining". A closed
 * terminal (SIGHUP) ends the program in order too, by SIGTERM, which the gateway takes as a reason to drain.
 *
 * @param {string} program path of the program
 * @param {readonly string[]} args
 * @returns {Promise<number>}
 */
export function supervise(program, args) {
  return new Promise(done => {
    const child = spawn(
      process.execPath,
      ['--import', pathToFileURL(inRoot('scripts/lib/orphan-guard.mjs')).href, program, ...args],
      {
        cwd: ROOT,
        env: { ...process.env, GLASSWAY_STARTED_BY: String(process.pid) },
        stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
        detached: process.platform !== 'win32',
      },
    );
    let last = '';
    let lastAt = 0;
    const forward = signal => {
      const now = Date.now();
      const repeated = signal === last && now - lastAt < SAME_SIGNAL_MS;
      last = signal;
      lastAt = now;
      if (!repeated) child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => forward(signal));
    child.on('error', error => {
      console.error(`cannot run ${program}: ${error.message}`);
      done(1);
    });
    child.on('exit', (code, signal) => done(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}
