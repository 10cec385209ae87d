/** `npm run bench`: builds what is measured, then runs the rows given (all by default). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
const run = (command, args) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
};

run('npx', ['turbo', 'run', 'build', '--output-logs=errors-only']);
run(process.execPath, ['bench/run.mjs', ...process.argv.slice(2)]);
