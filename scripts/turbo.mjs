// `npm run build` and the like: turbo with our environment, its output straight to the terminal.
import { spawn } from 'node:child_process';
import { TURBO_ENV } from './lib/turbo.mjs';
import { ROOT, toolPath } from './lib/workspace.mjs';

const child = spawn(process.execPath, [toolPath('turbo'), ...process.argv.slice(2)], {
  cwd: ROOT,
  env: { ...process.env, ...TURBO_ENV },
  stdio: 'inherit',
});
child.on('exit', code => {
  process.exitCode = code ?? 1;
});
