// Runs turbo tasks from the local installation, without telemetry or update checks. Node built-ins only.
import { step } from './command.mjs';
import { toolPath } from './workspace.mjs';

/** Environment of every turbo run. */
export const TURBO_ENV = { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' };

/**
 * Runs turbo tasks; what is unchanged comes from its cache.
 *
 * @param {string} title
 * @param {readonly string[]} args such as `['run', 'build']`
 */
export function turbo(title, args) {
  const logs = args[0] === 'run' ? ['--output-logs=errors-only'] : [];
  return step(title, process.execPath, [toolPath('turbo'), ...args, ...logs], { env: TURBO_ENV, timeoutMs: 400_000 });
}
