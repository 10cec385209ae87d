/**
 * How long the gateway lets a scenario stand still. By itself it ends what does not move after half a minute or less, and
 * somebody who reads along needs longer.
 */
import { poolOf } from '../../config/pool-settings.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../config/settings.ts';

/** For so long a scenario stands still, unless the user says otherwise. */
export const PATIENCE_MS = 600_000;
/** Name of the pool with the scenario's backend. */
export const POOL = 'scenario';

/**
 * The settings with a pool for the scenario's backend, and every time that would end the stall at `PATIENCE_MS`; what the
 * user has set stays.
 */
export function patient(settings: Settings, url: string): Settings {
  const pool = poolOf([url]);
  const timeouts = { ...pool.timeouts, connectMs: PATIENCE_MS, firstByteMs: PATIENCE_MS, queueMs: PATIENCE_MS };
  const idleMs = Math.max(PATIENCE_MS, pool.timeouts.idleMs);
  const http2 = { ...settings.limits.http2 };
  for (const name of ['writeStallTimeoutMs', 'settingsAckTimeoutMs', 'keepaliveTimeoutMs'] as const) {
    if (http2[name] === DEFAULT_SETTINGS.limits.http2[name]) http2[name] = PATIENCE_MS;
  }
  return {
    ...settings,
    limits: {
      ...settings.limits,
      streamIdleTimeoutMs: Math.max(PATIENCE_MS, settings.limits.streamIdleTimeoutMs),
      http2,
    },
    backends: { ...settings.backends, [POOL]: { ...pool, timeouts: { ...timeouts, idleMs } } },
  };
}
