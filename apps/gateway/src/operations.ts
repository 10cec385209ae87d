import type { Operations } from './admin/admin.ts';
import { SETTINGS } from './config/schema.ts';
import type { Drain } from './drain.ts';
import type { Gateway } from './gateway.ts';
import { configRevision } from './telemetry/gateway-metrics.ts';
import { VERSION } from './version.ts';

/** What the admin API of a gateway of one process answers from. */
export function operationsOf(gateway: Gateway, drain: Drain): Operations {
  return {
    get isReady() {
      return drain.isReady;
    },
    metrics: () => gateway.metrics(),
    state: () => ({
      version: VERSION,
      pid: process.pid,
      uptimeSeconds: Math.round(process.uptime()),
      ready: drain.isReady,
      configRevision: configRevision(gateway.settings),
      reloads: gateway.revision,
      connections: gateway.connections().length,
      requests: gateway.requests().length,
    }),
    connections: () => gateway.connections(),
    requests: () => gateway.requests(),
    config: () => SETTINGS.write(gateway.settings) as object,
    drain: () => {
      if (drain.isReady) drain.begin('admin API');
    },
    get reload() {
      // Whoever reads the configuration again listens to this signal.
      if (process.listenerCount('SIGHUP') === 0) return null;
      return () => {
        process.emit('SIGHUP');
        return Promise.resolve({ reloading: true });
      };
    },
  };
}
