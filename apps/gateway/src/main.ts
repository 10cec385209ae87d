/** The `glassway` command: settings in, a gateway running until a signal, an exit code out. */
import { isDeepStrictEqual } from 'node:util';
import { type Admin, startAdmin } from './admin/admin.ts';
import { adminToken } from './admin/token.ts';
import { banner } from './banner.ts';
import { localName } from './config/address.ts';
import { parseCommandLine } from './config/command-line.ts';
import { type Settings, UsageProblem } from './config/settings.ts';
import { describeSettings } from './config/validate.ts';
import { reloader } from './config/watch.ts';
import type { Demo } from './demo/demo.ts';
import type { ScenarioName } from './demo/scenarios/names.ts';
import type { TrafficTarget } from './demo/traffic-client.ts';
import { Drain, type DrainTimes } from './drain.ts';
import { tuneEngine } from './engine.ts';
import type { Gateway } from './gateway.ts';
import { Logger } from './log.ts';
import { operationsOf } from './operations.ts';
import { explainStartFailure, failedIn } from './problems.ts';
import type { RecordingTask } from './recording/commands.ts';
import { VERSION } from './version.ts';
import { asWorker, obeyPrimary, sharedTicketKeys, tellReloaded, workerLogger } from './workers/worker.ts';

/** How long the demo's requests may take after the first signal: they are of no value to anybody. */
const DEMO_DRAIN: DrainTimes = { delayMs: 0, timeoutMs: 500 };

/** Settings of the first process, which workers do without. */
const OF_PRIMARY = ['admin', 'inspector', 'workers'] as const;

/** Exit codes of the command. */
export const ExitCode = { OK: 0, FAILURE: 1, USAGE: 2 } as const;

/** Runs the command to its end and answers its exit code. `args`: without node and script. */
export async function main(args: readonly string[]): Promise<number> {
  // A closed pipe (`glassway | head`) must not end the gateway.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  let invocation: Awaited<ReturnType<typeof parseCommandLine>>;
  try {
    const print = (text: string): void => void process.stdout.write(text);
    invocation = await parseCommandLine(args, { env: process.env, version: VERSION, print });
  } catch (error) {
    if (!(error instanceof UsageProblem)) throw error;
    const logger = new Logger('error');
    for (const line of error.message.split('\n')) logger.error(line);
    return ExitCode.USAGE;
  }
  if (invocation.command === 'nothing') return ExitCode.OK;
  if (invocation.command === 'validate') {
    process.stdout.write(describeSettings(invocation.settings));
    return ExitCode.OK;
  }

  if (invocation.command === 'doctor') return diagnose(invocation.settings);
  if (invocation.command === 'trust' || invocation.command === 'untrust') return settleTrust(invocation.command);
  if (invocation.command === 'recording') return doRecordingTask(invocation.task);

  const worker = asWorker();
  // Workers have the arguments of the primary, which has the listeners for those who look at all of them.
  const ofProcess = (all: Settings): Settings =>
    worker === null ? all : { ...all, admin: null, inspector: null, workers: 1 };
  // A worker that takes the place of another listens where that did, whatever has become of the file.
  const settings = { ...ofProcess(invocation.settings), ...worker?.place.listen };
  const logger = worker === null ? new Logger(settings.logLevel) : workerLogger(settings.logLevel, worker.place);
  stopOnDefects(logger);
  tuneEngine();
  if (settings.workers > 1 && invocation.command === 'run') {
    const { runWorkers } = await import('./workers/run.ts');
    return runWorkers(settings, logger).catch((error: Error) => {
      logger.error(explainStartFailure(error, settings));
      return ExitCode.FAILURE;
    });
  }
  const scenario = invocation.command === 'demo' ? invocation.scenario : null;
  const demo = invocation.command === 'demo' ? await startBackends(scenario) : null;
  let gateway: Gateway;
  let admin: Admin | null = null;
  let drain: Drain;
  let stopOnFirst = (): void => {};
  try {
    // Loaded late, so that help and usage errors come at once.
    const { startGateway } = await import('./gateway.ts');
    // The demo's failures are meant, and there are many.
    const ofDemo = demo === null ? {} : { reportFailures: false };
    const ticketKeys = sharedTicketKeys();
    const ofWorkers = { ...(worker === null ? {} : { worker }), ...(ticketKeys === undefined ? {} : { ticketKeys }) };
    gateway = await startGateway(withDemo(settings, demo), { logger, ...ofWorkers, ...ofDemo });
    const times = demo === null ? { delayMs: settings.drainDelayMs, timeoutMs: settings.drainTimeoutMs } : DEMO_DRAIN;
    drain = new Drain(gateway, times, logger, () => stopOnFirst());
    // From now on: a signal that comes before the banner is printed must not be lost.
    if (worker === null) stopOnSignals(drain);
    else obeyPrimary(gateway, drain);
    if (settings.admin !== null) {
      admin = await administer(settings, gateway, drain, logger).catch(async (error: Error) => {
        await gateway.close(0);
        throw error;
      });
    }
  } catch (error) {
    for (const line of explainStartFailure(error as Error, settings).split('\n')) logger.error(line);
    await demo?.close();
    return error instanceof UsageProblem ? ExitCode.USAGE : ExitCode.FAILURE;
  }
  // Standard output belongs to the access log when that goes there.
  const out = settings.accessLog === '-' ? process.stderr : process.stdout;
  if (worker === null && (settings.logLevel === 'info' || settings.logLevel === 'debug')) {
    const backends = demo === null ? await gateway.probe() : [];
    out.write(banner(gateway, settings.upgrade, backends));
  }
  const reloads = reloader(
    invocation.given,
    invocation.text,
    settings.watch,
    async next => {
      const reloaded = await gateway.reload(withDemo(ofProcess(next), demo));
      if (worker === null) return reloaded;
      tellReloaded(gateway);
      const ofPrimary = OF_PRIMARY.filter(key => !isDeepStrictEqual(next[key], invocation.settings[key]));
      return { ...reloaded, needRestart: [...reloaded.needRestart, ...ofPrimary] };
    },
    logger,
  );
  const onHangup = (): void => void reloads.reload();
  process.on('SIGHUP', onHangup);
  const stopTraffic = invocation.command === 'demo' ? await play(gateway, invocation.traffic, scenario, out) : () => {};
  stopOnFirst = () => {
    reloads.stop();
    stopTraffic();
  };
  if (!drain.isReady) stopOnFirst();
  const clean = await drain.finished;
  await admin?.close();
  process.off('SIGHUP', onHangup);
  await demo?.close();
  return clean ? ExitCode.OK : ExitCode.FAILURE;
}

async function diagnose(settings: Settings): Promise<number> {
  const { examine, report } = await import('./commands/doctor.ts');
  const findings = await examine(settings);
  process.stdout.write(report(findings));
  return findings.some(({ level }) => level === 'problem') ? ExitCode.FAILURE : ExitCode.OK;
}

async function settleTrust(action: 'trust' | 'untrust'): Promise<number> {
  const { changeTrust } = await import('./commands/trust.ts');
  const isFine = await changeTrust(action, line => void process.stdout.write(`${line}\n`));
  return isFine ? ExitCode.OK : ExitCode.FAILURE;
}

/** Opens the admin listener. Rejects with a StartFailure, the gateway left as it is. */
async function administer(settings: Settings, gateway: Gateway, drain: Drain, logger: Logger): Promise<Admin> {
  const { token, isNew } = await adminToken(settings.adminTokenFile);
  const admin = await startAdmin(
    { ...settings.admin!, token, names: settings.adminHost },
    operationsOf(gateway, drain),
  ).catch(failedIn('admin'));
  const hint = isNew ? ` (token ${token}; --admin-token-file keeps one)` : '';
  logger.info(`admin API on http://${localName(admin)}/${hint}`);
  return admin;
}

async function startBackends(scenario: ScenarioName | null): Promise<Demo> {
  if (scenario === null) return (await import('./demo/demo.ts')).startDemo();
  return (await import('./demo/scenarios/run.ts')).startScenarioBackend(scenario);
}

/** Begins what the demo's clients do; answers how to stop. */
async function play(
  gateway: Gateway,
  traffic: boolean,
  scenario: ScenarioName | null,
  out: NodeJS.WriteStream,
): Promise<() => void> {
  if (scenario === null) return traffic ? sendTraffic(gateway) : () => {};
  const { playScenario } = await import('./demo/scenarios/run.ts');
  const { about, verdict } = (await import('./demo/scenarios/scenarios.ts')).SCENARIOS[scenario];
  out.write(`\n  Scenario ${scenario}: ${about}.\n  The inspector should say ${verdict}.\n`);
  return playScenario(scenario, gateway.http!);
}

/** Octets of bodies that the demo's inspector shows: they are the demo's own. */
const DEMO_PAYLOADS = 1024;

/** The demo's routes come after those of the user's file, which may be there to try one. */
function withDemo(settings: Settings, demo: Demo | null): Settings {
  if (demo === null) return settings;
  const adapted = demo.adapt?.(settings) ?? settings;
  const inspectorPayloads = adapted.inspectorPayloads || DEMO_PAYLOADS;
  return { ...adapted, inspectorPayloads, routes: [...adapted.routes, ...demo.routes] };
}

/** Sends requests of many kinds through the gateway's own listeners; answers how to stop. */
async function sendTraffic({ https, http, rootCertificate }: Gateway): Promise<() => void> {
  const { startTraffic } = await import('./demo/traffic.ts');
  const targets: TrafficTarget[] = [];
  if (https !== null) targets.push({ ...https, tls: { ca: rootCertificate } });
  if (http !== null) targets.push(http);
  const traffic = startTraffic(targets);
  return () => traffic.stop();
}

async function doRecordingTask(task: RecordingTask): Promise<number> {
  const { runRecordingTask } = await import('./recording/commands.ts');
  const interrupted = new Promise(resolve => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  try {
    // Standard output belongs to what is exported.
    await runRecordingTask(task, text => void process.stderr.write(text), interrupted);
    return ExitCode.OK;
  } catch (error) {
    new Logger('error').error((error as Error).message);
    return ExitCode.FAILURE;
  }
}

/** A defect leaves the process in an unknown state: say what it was and stop. */
function stopOnDefects(logger: Logger): void {
  const stop = (what: string, error: unknown): void => {
    logger.error(
      `${what}, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    process.exit(ExitCode.FAILURE);
  };
  process.on('uncaughtException', error => stop('this is a defect of glassway', error));
  process.on('unhandledRejection', error => stop('this is a defect of glassway (rejected promise)', error));
}

/** Has signals stop the gateway: the first one gently, the second one now, the third one at once. */
function stopOnSignals(drain: Drain): void {
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (++signals > 2) process.exit(ExitCode.FAILURE);
    drain.begin(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
