import { type Admin, startAdmin } from '../admin/admin.ts';
import { type MergedInspector, startMergedInspector } from '../admin/merged-inspector.ts';
import { adminToken } from '../admin/token.ts';
import { banner } from '../banner.ts';
import { type ListenAddress, localName } from '../config/address.ts';
import { SETTINGS } from '../config/schema.ts';
import type { Settings } from '../config/settings.ts';
import { listenerUrls, pageFolder } from '../inspection.ts';
import type { Logger } from '../log.ts';
import { failedIn } from '../problems.ts';
import { configRevision } from '../telemetry/gateway-metrics.ts';
import { VERSION } from '../version.ts';
import type { Listening, WorkerRevision } from './messages.ts';
import { Workers } from './primary.ts';

/** After the deadline of their own, workers have this long to end. */
const END_MS = 5000;

/** Runs the primary process to its end; answers its exit code. Rejects with a StartFailure. */
export async function runWorkers(settings: Settings, logger: Logger): Promise<number> {
  const inspector = settings.inspector === null ? null : await inspect(settings.inspector, settings, logger);
  const own: ListenAddress[] = [];
  const keepFrom = ({ host, port }: ListenAddress): void => void own.push({ host, port });
  if (inspector !== null) keepFrom(inspector);
  const tellPlaces = ({ https, http }: Listening): void => inspector?.listensOn(listenerUrls(https, http));
  const workers = new Workers(settings.workers, { own, inspector, reloaded: tellPlaces }, logger);
  let isReady = true;
  let signals = 0;
  const stop = (why: string): void => {
    isReady = false;
    if (++signals === 3) process.exit(1);
    if (signals === 1) logger.info(`${why}: stopping ${settings.workers} workers (once more to stop now)`);
    workers.stop(why);
    if (signals > 1) return;
    const most = settings.drainDelayMs + settings.drainTimeoutMs + END_MS;
    setTimeout(() => workers.stop('deadline'), most).unref();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => workers.reload());

  let admin: Admin | null = null;
  try {
    admin = settings.admin === null ? null : await administer();
    if (admin !== null) keepFrom(admin);
    const listening = await workers.start();
    if (typeof listening === 'number') return listening;
    tellPlaces(listening);
    if (settings.logLevel === 'info' || settings.logLevel === 'debug') {
      const out = settings.accessLog === '-' ? process.stderr : process.stdout;
      out.write(banner({ ...listening, inspectorUrl: inspector?.url ?? null }, settings.upgrade, []));
    }
    return (await workers.finished) ? 0 : 1;
  } finally {
    await admin?.close();
    await inspector?.close();
  }

  /** What the gateway as a whole has in force: what workers do not have is the primary's, as it was at start. */
  function inForce(revision: WorkerRevision): Settings {
    const { admin, inspector, workers } = settings;
    return { ...revision.settings, admin, inspector, workers };
  }

  async function administer(): Promise<Admin> {
    const { token, isNew } = await adminToken(settings.adminTokenFile);
    const running = await startAdmin(
      { ...settings.admin!, token, names: settings.adminHost },
      {
        get isReady() {
          return isReady && workers.areListening;
        },
        metrics: () => workers.metrics(),
        state: async () => {
          const revisions = await workers.revisions();
          const states = workers.states.map(state => {
            const revision = revisions.get(state.worker);
            if (revision === undefined) return { ...state, configRevision: null, reloads: null };
            const { reloads } = revision;
            return { ...state, configRevision: configRevision(inForce(revision)), reloads };
          });
          const [first, ...others] = new Set(states.map(state => state.configRevision));
          return {
            version: VERSION,
            pid: process.pid,
            uptimeSeconds: Math.round(process.uptime()),
            ready: isReady && workers.areListening,
            // Null while not all have the same.
            configRevision: others.length === 0 ? first : null,
            workers: states,
          };
        },
        connections: () => workers.connections(),
        requests: () => workers.requests(),
        config: async () => {
          const [first] = (await workers.revisions()).values();
          if (first === undefined) throw new Error('no worker answers at the moment');
          return SETTINGS.write(inForce(first)) as object;
        },
        drain: () => {
          if (signals === 0) stop('admin API');
        },
        reload: () => {
          workers.reload();
          return Promise.resolve({ reloading: true });
        },
      },
    ).catch(failedIn('admin'));
    logger.info(`admin API on http://${localName(running)}/${isNew ? ` (token ${token})` : ''}`);
    return running;
  }
}

/** One inspector for all workers. Rejects with a StartFailure. */
function inspect(
  { host, port }: ListenAddress,
  { inspectorPayloads }: Settings,
  logger: Logger,
): Promise<MergedInspector> {
  return startMergedInspector({
    host,
    port,
    staticRoot: pageFolder(undefined, logger),
    release: VERSION,
    payloadBytes: inspectorPayloads,
    onError: error => logger.error(`the inspector ended, the gateway goes on: ${error.message}`),
    onProblem: problem => logger.warn(problem),
  }).catch(failedIn('inspector'));
}
