/**
 * What of a running gateway comes from its settings and may change: routes, pools, certificates, limits, trust. A revision is
 * prepared as a whole and put in place in one turn; what is under way keeps what it began with.
 */
import { isDeepStrictEqual } from 'node:util';
import { parseNetworks } from './config/address.ts';
import type { RouteSettings } from './config/route-settings.ts';
import { certificatesOf, type Settings } from './config/settings.ts';
import type { ExchangeContext } from './exchange/exchange.ts';
import type { ForwardPolicy } from './fields.ts';
import type { ListenerLimits, Listeners, Rebound } from './listener/listeners.ts';
import { credentialFiles, type PlacesOf } from './places.ts';
import { compileRoutes } from './routing/compile.ts';
import type { Router } from './routing/router.ts';
import type { Pools } from './upstream/pools.ts';

/** What came of a reload. */
export interface Reloaded {
  /** Counts the settings this gateway has had, from 1. */
  readonly revision: number;
  /** Settings that differ from those in force but are only read at start. */
  readonly needRestart: readonly string[];
}

/** Settings that a reload puts in force; the others are read once. */
const RELOADED: ReadonlySet<keyof Settings> = new Set<keyof Settings>([
  'to',
  'cert',
  'key',
  'certificates',
  'upgrade',
  'maxConcurrentStreams',
  'trustedProxy',
  'limits',
  'backends',
  'routes',
]);

/** Those that a reload puts in force where addresses can change. */
const MOVING: ReadonlySet<keyof Settings> = new Set<keyof Settings>(['http', 'https']);

/** Those that are read when TLS is first listened on. */
const READ_WITH_TLS: ReadonlySet<keyof Settings> = new Set<keyof Settings>([
  'clientCertificates',
  'keyLog',
  'ticketKeyFile',
]);

/** Limits that timers and listeners are made with, and their names in the file. */
const LIMITS_AT_START = [
  ['checkIntervalMs', 'checkInterval'],
  ['negotiationTimeoutMs', 'negotiationTimeout'],
] as const;

/** Those that a gateway has in one of two ways for good: from the user, or from the development authority. */
const CERTIFICATES: readonly (keyof Settings)[] = ['cert', 'key', 'certificates'];

/** Settings for the listeners. */
export function listenerLimits({ limits, upgrade, maxConcurrentStreams }: Settings): Partial<ListenerLimits> {
  const { http2, maxBufferedBytes: _, ...rest } = limits;
  return { ...rest, upgradeH2c: upgrade, http2: { ...http2, maxConcurrentStreams } };
}

/** How requests are presented to backends. */
export function forwardPolicy(settings: Settings, pseudonym: string): ForwardPolicy {
  const { mode, subjectField } = settings.clientCertificates;
  return {
    pseudonym,
    isTrusted: parseNetworks(settings.trustedProxy, 'trustedProxy'),
    subjectField: mode === 'off' ? '' : subjectField,
  };
}

/** Reads what the pools need; the answer puts pools and routes in use. Throws a UsageProblem with nothing changed. */
export async function prepareRoutes(settings: Settings, pools: Pools): Promise<() => Router> {
  // After everything else, whatever the priorities are.
  const rest: RouteSettings = { to: settings.to, priority: Number.MIN_SAFE_INTEGER };
  const routes = settings.to.length === 0 ? settings.routes : [...settings.routes, rest];
  const used = routes.flatMap(({ to }) => (to === undefined ? [] : [to]));
  const prepared = await pools.prepare(settings.backends, used);
  return () => compileRoutes(routes, prepared.commit());
}

/** The parts of a gateway that settings reach. */
export interface Parts {
  readonly pools: Pools;
  readonly context: ExchangeContext;
  readonly listeners: Listeners;
  readonly places: PlacesOf;
  /** Other processes listen on the same ports: one that has to be given up before another can be had cannot change. */
  readonly sharesPorts: boolean;
  /** Told when they have. */
  readonly rebound: (rebound: Rebound) => void;
}

/** The settings in force, and the way to others. */
export class Revisions {
  readonly #parts: Parts;
  #settings: Settings;
  #revision = 1;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(settings: Settings, parts: Parts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Counts the settings this gateway has had, from 1. */
  get revision(): number {
    return this.#revision;
  }

  /** The settings in force. */
  get settings(): Settings {
    return this.#settings;
  }

  /** Puts other settings in force. All or nothing: throws, and everything stays as it was, when one cannot be used. */
  reload(settings: Settings): Promise<Reloaded> {
    const reloaded = this.#busy.then(() => this.#reload(settings));
    this.#busy = reloaded.catch(() => {});
    return reloaded;
  }

  async #reload(settings: Settings): Promise<Reloaded> {
    const { pools, context, listeners, places, sharesPorts } = this.#parts;
    const before = this.#settings;
    const waiting = new Set<string>();
    const inForce = { ...settings };
    const keep = <Key extends keyof Settings>(key: Key, name: string = key): void => {
      waiting.add(name);
      inForce[key] = before[key];
    };
    for (const key of Object.keys(settings) as (keyof Settings)[]) {
      const isLater = !RELOADED.has(key) && !MOVING.has(key) && (places.hasTls || !READ_WITH_TLS.has(key));
      if (isLater && !isDeepStrictEqual(settings[key], before[key])) keep(key);
    }
    for (const [key, name] of LIMITS_AT_START) {
      if (settings.limits[key] === before.limits[key]) continue;
      waiting.add(`limits.${name}`);
      inForce.limits = { ...inForce.limits, [key]: before.limits[key] };
    }
    if (places.hasTls && (certificatesOf(settings).length === 0) !== (certificatesOf(before).length === 0)) {
      for (const key of CERTIFICATES) keep(key, 'certificates');
    }
    const commit = await prepareRoutes(settings, pools);
    const wanted = await places.of(inForce);
    const moves = !sharesPorts || !listeners.collides(wanted);
    if (!moves) for (const key of MOVING) if (!isDeepStrictEqual(settings[key], before[key])) keep(key);
    const certificates = certificatesOf(inForce);
    const policy = forwardPolicy(inForce, context.policy.pseudonym);
    const { contexts } = places;
    const rebound = moves ? await listeners.rebind(wanted) : null;
    // The last that can fail.
    if (contexts !== null && certificates.length > 0) {
      await contexts.replace(credentialFiles(certificates)).catch(async error => {
        await rebound?.undo();
        throw error;
      });
    }
    context.router = commit();
    context.policy = policy;
    context.maxHeldBytes = settings.limits.maxBufferedBytes;
    listeners.configure(listenerLimits(inForce));
    if (rebound !== null) {
      rebound.commit();
      this.#parts.rebound(rebound);
    }
    this.#settings = inForce;
    this.#revision++;
    return { revision: this.#revision, needRestart: [...waiting] };
  }
}
