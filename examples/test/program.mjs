import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { onTestFinished, test } from 'vitest';

/** Directory of the example programs. */
export const EXAMPLES = resolve(import.meta.dirname, '..');

/** A directory that is removed when the test is over. */
export function scratch() {
  const directory = mkdtempSync(join(tmpdir(), 'glassway-examples-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * Starts a program that keeps running; it is killed when the test is over.
 *
 * @returns `seen(text)` resolves to the output once it holds the text, and rejects if the program ends first
 */
export function start(file, env = {}) {
  const child = spawn(process.execPath, [file], { cwd: EXAMPLES, env: { ...process.env, ...env } });
  let output = '';
  let ended = false;
  const checks = new Set();
  const look = () => {
    for (const check of checks) check();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk;
      look();
    });
  }
  child.on('close', () => {
    ended = true;
    look();
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const seen = text =>
    new Promise((done, fail) => {
      const check = () => {
        if (output.includes(text)) done(output);
        else if (ended) fail(new Error(`${file} ended before it printed "${text}":\n${output}`));
        else return;
        checks.delete(check);
      };
      checks.add(check);
      check();
    });
  return { child, seen };
}

/** Runs a program to its end; never rejects. */
export function run(program, args, env = {}) {
  return new Promise(done => {
    const options = { cwd: EXAMPLES, env: { ...process.env, ...env }, timeout: 15_000 };
    execFile(program, args, options, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : (error.code ?? -1), output: stdout + stderr });
    });
  });
}

/** Whether curl, with HTTP/2, is here. On CI it has to be. */
function hasCurl() {
  const found = (process.env.PATH ?? '').split(delimiter).some(directory => existsSync(join(directory, 'curl')));
  if (!found && process.env.CI === 'true') throw new Error('curl is missing; CI runs no example without it');
  return found;
}

/** Like vitest's `test`, for tests that need curl. */
export const testWithCurl = test.skipIf(!hasCurl());
