import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { inRoot } from '../lib/workspace.mjs';
import { tree } from './support.mjs';

/** Says what it gets; ends on the second signal, or by itself with the code in its arguments. */
const PROGRAM = `
let count = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    console.log(signal);
    if (++count === 2) process.exit(0);
  });
}
console.log('ready', process.pid, process.argv.slice(2).join());
if (process.argv[2] === 'exit') process.exit(Number(process.argv[3]));
if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
setTimeout(() => process.exit(99), 20_000);
`;

/** Runs the supervisor on the program and reads what comes out, line by line. */
function start(...args) {
  const root = tree({
    'program.mjs': PROGRAM,
    'supervisor.mjs': `import { supervise } from '${inRoot('scripts/lib/supervise.mjs')}';
      process.exitCode = await supervise(${JSON.stringify('PROGRAM')}.replace('PROGRAM', process.argv[2]), process.argv.slice(3));`,
  });
  const supervisor = spawn(process.execPath, [`${root}/supervisor.mjs`, `${root}/program.mjs`, ...args]);
  onTestFinished(() => void supervisor.kill('SIGKILL'));
  const lines = [];
  const waiting = [];
  let rest = '';
  supervisor.stdout.on('data', chunk => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop();
    lines.push(...parts);
    while (waiting.length > 0 && lines.length > 0) waiting.shift()(lines.shift());
  });
  const nextLine = () => (lines.length > 0 ? Promise.resolve(lines.shift()) : new Promise(done => waiting.push(done)));
  return { supervisor, lines, nextLine, exit: once(supervisor, 'exit') };
}

const pause = ms => new Promise(done => setTimeout(done, ms));

describe.runIf(process.platform !== 'win32')('supervise', () => {
  test('arguments and the exit code are passed on', async () => {
    const { nextLine, exit } = start('exit', '3');
    expect(await nextLine()).toMatch(/^ready \d+ exit,3$/);
    expect(await exit).toEqual([3, null]);
  });

  test('an end by a signal is 128 and its number', async () => {
    expect(await start('die').exit).toEqual([137, null]);
  });

  test.each(['SIGINT', 'SIGTERM'])('%s that comes twice at once, from terminal and npm, is one', async signal => {
    const { supervisor, lines, nextLine, exit } = start();
    await nextLine();
    supervisor.kill(signal);
    await pause(30);
    supervisor.kill(signal);
    expect(await nextLine()).toBe(signal);
    // Longer than the window in which a signal counts as the same one.
    await pause(700);
    expect(lines).toEqual([]);
    supervisor.kill(signal);
    expect(await nextLine()).toBe(signal);
    expect(await exit).toEqual([0, null]);
  });

  test('SIGTERM after SIGINT is a signal of its own', async () => {
    const { supervisor, nextLine, exit } = start();
    await nextLine();
    supervisor.kill('SIGINT');
    expect(await nextLine()).toBe('SIGINT');
    supervisor.kill('SIGTERM');
    expect(await nextLine()).toBe('SIGTERM');
    await exit;
  });

  test('a closed terminal ends the program', async () => {
    const { supervisor, nextLine } = start();
    await nextLine();
    supervisor.kill('SIGHUP');
    expect(await nextLine()).toBe('SIGTERM');
  });

  test('the program ends when the supervisor is killed outright', async () => {
    const { supervisor, nextLine } = start();
    const pid = Number((await nextLine()).split(' ')[1]);
    onTestFinished(() => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // As it should be.
      }
    });
    supervisor.kill('SIGKILL');
    expect(await nextLine()).toBe('SIGTERM');
  });
});
