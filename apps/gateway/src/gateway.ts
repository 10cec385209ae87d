/**
 * One gateway, put together and started:
 *
 *     inspector -> backends -> exchange -> listeners
 *
 * The inspector comes first, because all others report to its trace and the backends must know what never to dial; the
 * listeners come last, when there is somebody to serve. Closing goes the other way round.
 */
import { randomBytes } from 'node:crypto';
import { ErrorCode } from '@glassway/h2-core';
import type { ListenAddress as TlsListenAddress } from '@glassway/tls-alpn';
import type { HubSocket } from './admin/hub-socket.ts';
import { type ListenAddress, parseNetworks } from './config/address.ts';
import { reachesAny } from './config/own-address.ts';
import type { Settings } from './config/settings.ts';
import { accept, type Exchange, type ExchangeContext } from './exchange/exchange.ts';
import type { ExchangeState } from './exchange/exchange-state.ts';
import { reason } from './exchange/reason.ts';
import { type InspectionOptions, listenerUrls, startInspection } from './inspection.ts';
import {
  type ConnectionState,
  type DrainReport,
  type Listeners,
  type Rebound,
  startListeners,
} from './listener/listeners.ts';
import { Logger } from './log.ts';
import { type AccessLog, openAccessLog } from './log-access.ts';
import { FailureReporter } from './log-failures.ts';
import { PlacesOf, type PlacesOptions } from './places.ts';
import { failedIn } from './problems.ts';
import { forwardPolicy, listenerLimits, prepareRoutes, type Reloaded, Revisions } from './revision.ts';
import type { Family } from './telemetry/families.ts';
import { FanOut } from './telemetry/fan-out.ts';
import { gatewayFamilies } from './telemetry/gateway-metrics.ts';
import { Metrics } from './telemetry/metrics.ts';
import { processMetrics } from './telemetry/process-metrics.ts';
import { Tracer } from './telemetry/tracer.ts';
import { type ProbeResult, probe } from './upstream/backend.ts';
import { Pools } from './upstream/pools.ts';

/** What is not a setting of the user's. */
export interface GatewayOptions extends InspectionOptions, PlacesOptions {
  /** Whether failing backends are told to the logger. Default true. */
  readonly reportFailures?: boolean;
  /** Default: to stderr, at the level of the settings. */
  readonly logger?: Logger;
}

/** A gateway that is serving. */
export interface Gateway {
  /** Null: off. */
  readonly https: ListenAddress | null;
  /** Null: off. */
  readonly http: ListenAddress | null;
  /** Where to open the inspector, with its token in the fragment; null: off. */
  readonly inspectorUrl: string | null;
  /** Where the hub of a worker may be looked at; null: this is no worker, or the inspector is off. */
  readonly hub: HubSocket | null;
  /** PEM file of the root that signed our certificates; null when the user brought certificates, or TLS is off. */
  readonly rootCertificatePath: string | null;
  /** The root certificate itself, PEM. */
  readonly rootCertificate: string | null;
  /** Requests under way. */
  requests(): ExchangeState[];
  /** Open client connections. */
  connections(): ConnectionState[];
  /** Everything this process counts. */
  metrics(): Family[];
  /** Counts the settings this gateway has had, from 1. */
  readonly revision: number;
  /** The settings in force. */
  readonly settings: Settings;
  /**
   * Puts other settings in force without dropping a stream: routes, backends, certificates, limits, trusted proxies, and where
   * is listened. All or nothing: rejects, and everything stays as it was, when one cannot be used.
   */
  reload(settings: Settings): Promise<Reloaded>;
  /** Finds out what each backend speaks, without a request that an application would see. Takes a second at most. */
  probe(): Promise<readonly ProbeResult[]>;
  /**
   * Stops accepting, lets requests under way finish (WebSockets for a second), and after `deadlineMs` (0: at once) cuts the
   * rest. A second call cuts the first one's deadline short.
   */
  close(deadlineMs: number): Promise<DrainReport>;
}

/**
 * WebSockets stay open for as long as their ends like, so a gateway that closes waits this long for them at most. An
 * application's page often has one open, and Ctrl-C should not take until the deadline.
 */
const TUNNEL_GRACE_MS = 1000;
const CLOSING = reason('shutting_down', 'the gateway is closing and ended the tunnel', { h2Code: ErrorCode.CANCEL });

/** What closes what was opened, in the order of opening. */
type Undo = (() => Promise<unknown>)[];

/** Backends are done when the clients are; this long is waited for their connections to close. */
const BACKENDS_CLOSE_MS = 1000;

/** Starts a gateway. Throws with nothing left open when a port, file or certificate cannot be used. */
export async function startGateway(settings: Settings, options: GatewayOptions = {}): Promise<Gateway> {
  const logger = options.logger ?? new Logger(settings.logLevel);
  const undo: Undo = [];
  try {
    const metrics = new Metrics();
    const access = await openAccess(settings, logger, undo);
    const tracer = openTracer(settings, logger, undo);
    const inspection = await startInspection(settings, options, logger);
    undo.push(() => inspection.close());
    const { trace } = inspection;
    const place = options.worker?.place ?? null;
    const own = [inspection.listener, settings.admin, ...(place?.own ?? [])];
    const pools = new Pools(trace, { forbidden: reachesAny(own) }, (url, isHealthy, why) => {
      if (isHealthy) logger.info(`backend ${url} is healthy again`);
      else logger.warn(`backend ${url} is unhealthy and gets no requests: ${why}`);
    });
    const commit = await prepareRoutes(settings, pools);
    undo.push(() => pools.close(BACKENDS_CLOSE_MS));

    const context: ExchangeContext = {
      router: commit(),
      policy: forwardPolicy(settings, `glassway-${randomBytes(4).toString('hex')}`),
      heldBytes: 0,
      maxHeldBytes: settings.limits.maxBufferedBytes,
      trace,
      reasonHeader: settings.reasonHeader ?? '',
      records: new FanOut([
        metrics,
        ...(tracer === null ? [] : [tracer]),
        ...(access === null ? [] : [access]),
        ...(options.reportFailures === false ? [] : [new FailureReporter(logger, null)]),
      ]),
      tunnels: new Set(),
      open: new Set(),
      tracer,
      clock: () => performance.now(),
    };

    const places = new PlacesOf(options, logger, undo);
    const { proxyProtocol } = settings;
    const listeners = await startListeners({
      ...(await places.of(settings)),
      accept: (request, leg) => accept(context, request, leg),
      trace,
      ...(context.records === null ? {} : { records: context.records }),
      reasonHeader: context.reasonHeader,
      debugState: settings.debugState,
      limits: listenerLimits(settings),
      ...(proxyProtocol.length === 0 ? {} : { proxyProtocol: parseNetworks(proxyProtocol, 'proxyProtocol') }),
    }).catch(failedIn('listener'));
    const tellPlaces = (): void =>
      inspection.listensOn(listenerUrls(addressOf(listeners.https), addressOf(listeners.http)));
    tellPlaces();
    const rebound = ({ opened, closed }: Rebound): void => {
      for (const url of opened) logger.info(`listening on ${url}`);
      for (const url of closed) logger.info(`no longer listening on ${url}; connections finish what they have begun`);
      tellPlaces();
    };
    const sharesPorts = place !== null;
    const revisions = new Revisions(settings, { pools, context, listeners, places, sharesPorts, rebound });
    const process = processMetrics(place?.worker ?? 0);
    undo.push(async () => process.stop());
    return {
      inspectorUrl: inspection.url,
      hub: inspection.hub,
      probe: () => Promise.all(pools.targets().map(({ url, options }) => probe(url, options))),
      close: closer(listeners, context.tunnels, undo),
      get https() {
        return addressOf(listeners.https);
      },
      get http() {
        return addressOf(listeners.http);
      },
      get rootCertificatePath() {
        return listeners.developmentCa?.rootCertificatePath ?? null;
      },
      get rootCertificate() {
        return listeners.developmentCa?.rootCertificate ?? null;
      },
      get revision() {
        return revisions.revision;
      },
      get settings() {
        return revisions.settings;
      },
      reload: next => revisions.reload(next),
      requests: () => [...context.open].map(exchange => exchange.state),
      connections: () => listeners.list(),
      metrics: () => [
        ...metrics.families(),
        ...(tracer?.families() ?? []),
        ...gatewayFamilies({ listeners, access, openRequests: context.open.size, settings: revisions.settings }),
        ...process.families(),
      ],
    };
  } catch (error) {
    await closeAll(undo);
    throw error;
  }
}

function openTracer({ otlpEndpoint, traceSampling }: Settings, logger: Logger, undo: Undo): Tracer | null {
  if (otlpEndpoint === null) return null;
  const tracer = new Tracer({ endpoint: otlpEndpoint, samplePercent: traceSampling }, logger);
  undo.push(() => tracer.close());
  return tracer;
}

async function openAccess(settings: Settings, logger: Logger, undo: Undo): Promise<AccessLog | null> {
  if (settings.accessLog === null) return null;
  const log = await openAccessLog(settings.accessLog, settings.accessLogFormat, logger).catch(failedIn('access log'));
  undo.push(() => log.close());
  return log;
}

function closer(listeners: Listeners, tunnels: ReadonlySet<Exchange>, undo: Undo): Gateway['close'] {
  let closing: Promise<DrainReport> | null = null;
  return deadlineMs => {
    const drained = listeners.close(deadlineMs);
    const endTunnels = setTimeout(() => {
      for (const tunnel of [...tunnels]) tunnel.endTunnel(CLOSING);
    }, TUNNEL_GRACE_MS).unref();
    closing ??= drained.then(async report => {
      clearTimeout(endTunnels);
      await closeAll(undo);
      return report;
    });
    return closing;
  };
}

function addressOf(address: TlsListenAddress | null): ListenAddress | null {
  return address === null || 'path' in address ? null : address;
}

/** Last opened, first closed. */
async function closeAll(undo: Undo): Promise<void> {
  for (const each of undo.splice(0).reverse()) await each();
}
