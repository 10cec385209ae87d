// `npm start`: installs, builds and runs the demo gateway with the inspector. Arguments go to `glassway demo`.
// Node built-ins only, because on a fresh clone nothing is installed yet.
import './lib/require-node.mjs';
import { endWithChildren } from './lib/command.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { supervise } from './lib/supervise.mjs';
import { turbo } from './lib/turbo.mjs';
import { inRoot } from './lib/workspace.mjs';

endWithChildren();
if (!(await ensureDependencies())) process.exit(1);
const { ok } = await turbo('build', ['run', 'build', '--filter=@glassway/gateway...']);
if (!ok) process.exit(1);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
process.exitCode = await supervise(inRoot('apps/gateway/bin/glassway.js'), ['demo', ...process.argv.slice(2)]);
