/** The `glassway` command: settings in, a gateway running until a signal, an exit code out. */
import { banner } from './banner.ts';
import { parseCommandLine } from './config/command-line.ts';
import { UsageProblem } from './config/settings.ts';
import { describeSettings } from './config/validate.ts';
import type { Demo } from './demo/demo.ts';
import type { ScenarioName } from './demo/scenarios/names.ts';
import type { TrafficTarget } from './demo/traffic-client.ts';
import type { Gateway } from './gateway.ts';
import { Logger } from './log.ts';
import { explainStartFailure } from './problems.ts';
import { VERSION } from './version.ts';

/** How long requests under way may take after the first signal; those of the demo are of no value to anybody. */
const DRAIN_MS = 15_000;
const DEMO_DRAIN_MS = 500;

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

  const { settings } = invocation;
  const logger = new Logger(settings.logLevel);
  stopOnDefects(logger);
  const scenario = invocation.command === 'demo' ? invocation.scenario : null;
  const demo = invocation.command === 'demo' ? await startBackends(scenario) : null;
  let gateway: Gateway;
  try {
    // Loaded late, so that help and usage errors come at once.
    const { startGateway } = await import('./gateway.ts');
    // The demo's failures are meant, and there are many.
    const ofDemo = demo === null ? {} : { reportFailures: false };
    gateway = await startGateway(demo === null ? settings : { ...settings, routes: demo.routes }, {
      logger,
      ...ofDemo,
    });
  } catch (error) {
    logger.error(explainStartFailure(error as Error, settings));
    await demo?.close();
    return ExitCode.FAILURE;
  }
  // Standard output belongs to the access log when that goes there.
  const out = settings.accessLog === '-' ? process.stderr : process.stdout;
  if (settings.logLevel === 'info' || settings.logLevel === 'debug') {
    const backends = demo === null ? await gateway.probe() : [];
    out.write(banner(gateway, settings.upgrade, backends));
  }
  const stopTraffic = invocation.command === 'demo' ? await play(gateway, invocation.traffic, scenario, out) : () => {};
  const code = await drained(gateway, demo === null ? DRAIN_MS : DEMO_DRAIN_MS, logger, stopTraffic);
  await demo?.close();
  return code;
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

/** Sends requests of many kinds through the gateway's own listeners; answers how to stop. */
async function sendTraffic({ https, http, rootCertificate }: Gateway): Promise<() => void> {
  const { startTraffic } = await import('./demo/traffic.ts');
  const targets: TrafficTarget[] = [];
  if (https !== null) targets.push({ ...https, tls: { ca: rootCertificate } });
  if (http !== null) targets.push(http);
  const traffic = startTraffic(targets);
  return () => traffic.stop();
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

/** Waits for a signal, then for the requests under way; a second signal cuts them. */
function drained(gateway: Gateway, deadlineMs: number, logger: Logger, onFirst: () => void): Promise<number> {
  return new Promise(resolve => {
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals): void => {
      signals++;
      if (signals > 2) process.exit(ExitCode.FAILURE);
      if (signals === 1) {
        logger.info(`${signal}: finishing the requests under way (once more to stop now)`);
        onFirst();
      }
      const closing = gateway.close(signals === 1 ? deadlineMs : 0);
      if (signals > 1) return;
      void closing.then(({ cut }) => {
        for (const { peer, protocol, openExchanges } of cut) {
          logger.warn(
            `cut ${peer} (${protocol}) with ${openExchanges} ${openExchanges === 1 ? 'request' : 'requests'} under way`,
          );
        }
        resolve(cut.length === 0 ? ExitCode.OK : ExitCode.FAILURE);
      });
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
