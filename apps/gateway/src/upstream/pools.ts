/** The pools of all revisions: what stays the same from one to the next keeps its connections, its health and its queue. */
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { type PoolSettings, poolOf, type TargetSettings } from '../config/pool-settings.ts';
import { UsageProblem } from '../config/settings.ts';
import type { Backend } from '../exchange/legs.ts';
import type { Trace } from '../trace/trace.ts';
import { createBackend, type UpstreamOptions } from './backend.ts';
import { HealthChecks } from './health.ts';
import { Member } from './member.ts';
import { Pool } from './pool.ts';

/** Connections of a target that is no longer configured may finish their requests for this long. */
const RETIRE_MS = 60_000;

/** A revision's pools, ready and not yet in use. */
export interface PreparedPools {
  /** Puts them in use; answers the pool for what a route's `to` says. */
  commit(): (to: readonly string[]) => Pool;
}

interface Entry {
  readonly pool: Pool;
  /** By everything that a connection depends on. */
  readonly members: Map<string, Member>;
  readonly health: HealthChecks;
}

/** A target with the options it is dialled with. */
export interface DialedTarget {
  readonly url: string;
  readonly options: UpstreamOptions;
}

/** What is prepared of one pool. */
interface Plan {
  readonly name: string;
  readonly settings: PoolSettings;
  readonly options: UpstreamOptions;
}

/** All pools of a gateway. */
export class Pools {
  readonly #trace: Trace;
  readonly #common: Pick<UpstreamOptions, 'forbidden'>;
  readonly #onHealth: (url: string, isHealthy: boolean, why: string) => void;
  #entries = new Map<string, Entry>();
  #plans: readonly Plan[] = [];
  /** Backends that are no longer configured and finish their requests. */
  readonly #retired = new Set<Promise<void>>();
  /** Pools that are no longer configured and not empty: what closes their backends now. */
  readonly #leaving = new Set<(deadlineMs: number) => void>();

  /** `onHealth` is told when a check changes its mind about a target. */
  constructor(
    trace: Trace,
    common: Pick<UpstreamOptions, 'forbidden'>,
    onHealth: (url: string, isHealthy: boolean, why: string) => void,
  ) {
    this.#trace = trace;
    this.#common = common;
    this.#onHealth = onHealth;
  }

  /** The pools in use. */
  get list(): readonly Pool[] {
    return [...this.#entries.values()].map(({ pool }) => pool);
  }

  /** URLs of all targets in use with the options they are dialled with. */
  targets(): readonly DialedTarget[] {
    return targetsIn(this.#plans);
  }

  /** The same of other settings, which are not put in use. */
  async targetsOf(...[named, used]: Parameters<Pools['prepare']>): Promise<readonly DialedTarget[]> {
    return targetsIn(await this.#plan(named, used));
  }

  /**
   * Reads what files the pools name. Throws a UsageProblem with nothing changed when one cannot be used.
   *
   * @param named pools by name
   * @param used what the `to` of all routes say: names, or lists of URLs that make pools of their own
   */
  async prepare(
    named: Readonly<Record<string, PoolSettings>>,
    used: readonly (readonly string[])[],
  ): Promise<PreparedPools> {
    const plans = await this.#plan(named, used);
    return {
      commit: () => {
        this.#commit(plans);
        return to => this.#entries.get(nameOf(to))!.pool;
      },
    };
  }

  async #plan(...[named, used]: Parameters<Pools['prepare']>): Promise<Plan[]> {
    const wanted = new Map<string, PoolSettings>();
    for (const to of used) {
      const name = nameOf(to);
      wanted.set(name, Object.hasOwn(named, name) ? named[name]! : poolOf(to));
    }
    const plans: Plan[] = [];
    for (const [name, settings] of wanted) {
      plans.push({ name, settings, options: { ...this.#common, ...(await optionsOf(name, settings)) } });
    }
    return plans;
  }

  /** Closes everything. */
  async close(deadlineMs: number): Promise<void> {
    const backends: Backend[] = [];
    for (const { health, members } of this.#entries.values()) {
      health.stop();
      for (const { backend } of members.values()) backends.push(backend);
    }
    for (const close of [...this.#leaving]) close(deadlineMs);
    await Promise.all(backends.map(backend => backend.close(deadlineMs)));
  }

  #commit(plans: readonly Plan[]): void {
    this.#plans = plans;
    const before = this.#entries;
    const entries = new Map<string, Entry>();
    const gone: Member[] = [];
    for (const { name, settings, options } of plans) {
      const old = before.get(name);
      const members = new Map<string, Member>();
      for (const target of settings.targets) {
        const key = memberKey(target, options);
        const member =
          members.get(key) ?? old?.members.get(key) ?? new Member(createBackend(target.url, options, this.#trace), 1);
        // Named twice: twice the share.
        member.weight = (members.has(key) ? member.weight : 0) + target.weight;
        members.set(key, member);
      }
      const list = [...members.values()];
      const pool = old?.pool ?? new Pool(name, settings, list);
      if (old !== undefined) pool.update(settings, list);
      for (const [key, member] of old?.members ?? []) if (!members.has(key)) gone.push(member);
      old?.health.stop();
      const health = new HealthChecks(settings.health, list, this.#onHealth);
      health.start();
      entries.set(name, { pool, members, health });
    }
    this.#entries = entries;
    for (const { backend } of gone) this.#retire(backend, RETIRE_MS);
    for (const [name, entry] of before) if (!entries.has(name)) this.#letGo(entry);
  }

  /** Requests that wait for their turn in the pool, or are to be sent again, still need its backends. */
  #letGo({ pool, members, health }: Entry): void {
    health.stop();
    const began = performance.now();
    const close = (deadlineMs: number): void => {
      if (!this.#leaving.delete(close)) return;
      clearTimeout(timer);
      for (const { backend } of members.values()) this.#retire(backend, deadlineMs);
    };
    const timer = setTimeout(() => close(0), RETIRE_MS).unref();
    this.#leaving.add(close);
    pool.whenEmpty(() => close(Math.max(0, RETIRE_MS - (performance.now() - began))));
  }

  #retire(backend: Backend, deadlineMs: number): void {
    const closed = backend.close(deadlineMs).finally(() => this.#retired.delete(closed));
    this.#retired.add(closed);
  }
}

function targetsIn(plans: readonly Plan[]): DialedTarget[] {
  const found = new Map<string, UpstreamOptions>();
  for (const { settings, options } of plans) {
    for (const { url } of settings.targets) if (!found.has(url)) found.set(url, options);
  }
  return [...found].map(([url, options]) => ({ url, options }));
}

/** A pool without a name is its list of URLs. */
function nameOf(to: readonly string[]): string {
  return to.join(',');
}

function memberKey({ url }: TargetSettings, { forbidden: _, ...options }: UpstreamOptions): string {
  return JSON.stringify([url, options]);
}

async function optionsOf(name: string, settings: PoolSettings): Promise<UpstreamOptions> {
  const { timeouts, connections, maxQueued, tls } = settings;
  const read = async (key: keyof typeof tls & ('ca' | 'cert' | 'key')): Promise<string | null> => {
    const path = tls[key];
    if (path === null) return null;
    return readFile(path, 'utf8').catch((error: Error) => {
      throw new UsageProblem(`backends.${name}.tls.${key}: cannot read ${path}: ${error.message}`);
    });
  };
  const [ca, cert, key] = [await read('ca'), await read('cert'), await read('key')];
  return {
    maxConnections: connections.max,
    maxConnectionAgeMs: connections.maxAgeMs,
    maxConnectionRequests: connections.maxRequests,
    resolveIntervalMs: connections.resolveMs,
    maxQueued,
    queueTimeoutMs: timeouts.queueMs,
    connectTimeoutMs: timeouts.connectMs,
    firstByteTimeoutMs: timeouts.firstByteMs,
    bodyIdleTimeoutMs: timeouts.idleMs,
    progressTimeoutMs: timeouts.progressMs,
    minimumProgressBytes: settings.minimumProgressBytes,
    totalTimeoutMs: timeouts.totalMs,
    tunnelIdleTimeoutMs: timeouts.tunnelIdleMs,
    keepAliveTimeoutMs: timeouts.keepAliveMs,
    verifyCertificate: tls.verify,
    ...(ca === null ? {} : { ca }),
    ...(tls.servername === null ? {} : { servername: tls.servername }),
    ...(cert === null || key === null ? {} : { clientCertificate: { cert, key } }),
  };
}
