import { resolve } from 'node:path';
import { parseTarget } from '../upstream/target.ts';
import { map } from './map-shape.ts';
import { duration, either, field, flag, list, oneOf, optional, type Shape, size, text, whole } from './shape.ts';

/** How a pool chooses among its targets. */
export type Balance = 'round-robin' | 'least-requests' | 'random-two' | 'hash';

/** One server of a pool. */
export interface TargetSettings {
  /** `http://`, `https://`, `h2c://` or `h2://` with host and port, or `http://unix:/path`. */
  readonly url: string;
  /** Share of the requests compared with the other targets. Default 1, range 1..1000. */
  readonly weight: number;
}

/** Requests that find out whether a target works. */
export interface HealthSettings {
  readonly path: string;
  /** Value of Host and `:authority`; null: the target's own host. */
  readonly host: string | null;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Successes in a row after which a target is used again. */
  readonly healthyAfter: number;
  /** Failures in a row after which a target is no longer used. */
  readonly unhealthyAfter: number;
}

/** How traffic itself shows that a target does not work. */
export interface EjectionSettings {
  /** Failures in a row after which a target is left out; 0: never. A target that is the only one always stays. */
  readonly failures: number;
  /** For how long; twice as long each time in a row, up to ten times. */
  readonly forMs: number;
}

/** When a request is sent again after a failure. */
export interface RetrySettings {
  /** How often a request is sent at most, the first time included. */
  readonly attempts: number;
  /**
   * Also where the connection broke before the response began, which may be after the work was done: only for methods that
   * RFC 9110 9.2.2 calls idempotent.
   */
  readonly idempotent: boolean;
  /** Retries as a share of the requests, percent; a few per second are always allowed. 0: no limit. */
  readonly budgetPercent: number;
}

/** Named times of the way to a backend; 0: off. */
export interface PoolTimeouts {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
  readonly progressMs: number;
  readonly totalMs: number;
  readonly tunnelIdleMs: number;
  readonly keepAliveMs: number;
  readonly queueMs: number;
}

/** Connections to one target. */
export interface PoolConnections {
  readonly max: number;
  /** Age at which one takes no more requests, spread by a tenth; 0: never. */
  readonly maxAgeMs: number;
  /** Requests after which one takes no more, spread by a tenth; 0: never. */
  readonly maxRequests: number;
  /** How often names are resolved again to leave addresses that are gone; 0: only for new connections. */
  readonly resolveMs: number;
}

/** TLS towards `https://` and `h2://` targets. */
export interface PoolTls {
  /** PEM file of the authorities trusted instead of the platform's; null: the platform's. */
  readonly ca: string | null;
  readonly verify: boolean;
  /** Name sent as SNI and checked; null: the target's host. */
  readonly servername: string | null;
  /** PEM files of the certificate shown to targets that ask for one. */
  readonly cert: string | null;
  readonly key: string | null;
}

/** A pool of backends that serve the same thing. */
export interface PoolSettings {
  readonly targets: readonly TargetSettings[];
  readonly balance: Balance;
  /** With `hash`: `ip`, `header:NAME` or `cookie:NAME`. */
  readonly hashOn: string;
  /** Requests under way in the whole pool; 0: no limit. */
  readonly maxInFlight: number;
  /** Requests that may wait, for `maxInFlight` and for a connection. */
  readonly maxQueued: number;
  readonly health: HealthSettings | null;
  readonly ejection: EjectionSettings;
  readonly retries: RetrySettings;
  readonly timeouts: PoolTimeouts;
  /** Octets that must move in `timeouts.progressMs` while they trickle. */
  readonly minimumProgressBytes: number;
  readonly connections: PoolConnections;
  readonly tls: PoolTls;
}

const DEFAULT_HEALTH: HealthSettings = {
  path: '/',
  host: null,
  intervalMs: 5000,
  timeoutMs: 2000,
  healthyAfter: 2,
  unhealthyAfter: 3,
};

/** A pool's defaults; `targets` has none. */
export const DEFAULT_POOL: PoolSettings = {
  targets: [],
  balance: 'round-robin',
  hashOn: 'ip',
  maxInFlight: 0,
  maxQueued: 16_384,
  health: null,
  ejection: { failures: 5, forMs: 10_000 },
  retries: { attempts: 3, idempotent: false, budgetPercent: 20 },
  timeouts: {
    connectMs: 5_000,
    firstByteMs: 60_000,
    idleMs: 300_000,
    progressMs: 60_000,
    totalMs: 0,
    tunnelIdleMs: 3_600_000,
    keepAliveMs: 4_000,
    queueMs: 10_000,
  },
  minimumProgressBytes: 1_024,
  connections: { max: 256, maxAgeMs: 0, maxRequests: 0, resolveMs: 0 },
  tls: { ca: null, verify: true, servername: null, cert: null, key: null },
};

/** A pool of these targets with all defaults. */
export function poolOf(urls: readonly string[]): PoolSettings {
  return { ...DEFAULT_POOL, targets: urls.map(url => ({ url, weight: 1 })) };
}

/** A backend's URL. */
export const BACKEND_URL: Shape<string> = text('a backend such as http://localhost:3000', { check: wrongBackend });

/** What is wrong with a backend's URL; null: nothing. */
function wrongBackend(url: string): string | null {
  try {
    parseTarget(url);
    return null;
  } catch (error) {
    const meant = /^\d+$/.test(url) ? `http://localhost:${url}` : /^[^\s/]+:\d+\/?$/.test(url) ? `http://${url}` : '';
    return `${(error as Error).message}${meant === '' ? '' : ` (did you mean ${meant}?)`}`;
  }
}

/** A file's path; in the configuration file relative to that. */
export const FILE: Shape<string> = {
  ...text('the path of a file'),
  read: (source, path, problems) => {
    const value = text('the path of a file').read(source, path, problems);
    const { directory } = source.place;
    return value === undefined || directory === undefined ? value : resolve(directory, value);
  },
};

const TARGET: Shape<TargetSettings> = map<TargetSettings>(
  {
    url: field('http://, https://, h2c:// or h2:// with host and port, or http://unix:/path', BACKEND_URL, {
      isRequired: true,
    }),
    weight: field('Share of the requests compared with the other targets', whole(1, 1000)),
  },
  { weight: 1 },
);

const BARE_TARGET: Shape<TargetSettings> = {
  ...BACKEND_URL,
  read: (source, path, problems) => {
    const url = BACKEND_URL.read(source, path, problems);
    return url === undefined ? undefined : { url, weight: 1 };
  },
  write: ({ url }) => url,
};

const TARGETS: Shape<readonly TargetSettings[]> = list(
  either(source => source.kind !== 'map', BARE_TARGET, TARGET),
  'a list of targets',
);

/** What a path of our own requests may be. */
export const PATH: Shape<string> = text('a path that begins with /', { pattern: /^\/[\x21-\x22\x24-\x7e]*$/ });

const HEALTH: Shape<HealthSettings> = map<HealthSettings>(
  {
    path: field('Path that is asked for with GET; any status below 400 counts as success', PATH),
    host: field('Value of Host and :authority (default: the host of the target)', optional(text('a host'))),
    intervalMs: field('Time between two checks', duration(50, 3_600_000), { name: 'interval' }),
    timeoutMs: field('Time for the answer', duration(10, 600_000), { name: 'timeout' }),
    healthyAfter: field('Successes in a row after which a target is used again', whole(1, 100)),
    unhealthyAfter: field('Failures in a row after which a target is no longer used', whole(1, 100)),
  },
  DEFAULT_HEALTH,
);

const EJECTION: Shape<EjectionSettings> = map<EjectionSettings>(
  {
    failures: field('Failures in a row after which a target is left out for a while; 0: never', whole(0, 1000)),
    forMs: field('For how long', duration(10, 3_600_000), { name: 'for' }),
  },
  DEFAULT_POOL.ejection,
);

const RETRIES: Shape<RetrySettings> = map<RetrySettings>(
  {
    attempts: field('How often a request is sent at most, the first time included', whole(1, 10)),
    idempotent: field('Also send idempotent requests again whose connection broke before the response', flag()),
    budgetPercent: field('Retries as a share of the requests, percent; 0: no limit', whole(0, 100)),
  },
  DEFAULT_POOL.retries,
);

const TIMEOUTS: Shape<PoolTimeouts> = map<PoolTimeouts>(
  {
    connectMs: field('Name resolution, TCP and TLS handshake together', duration(), { name: 'connect' }),
    firstByteMs: field("From the request's last octet to the response's head", duration(), { name: 'firstByte' }),
    idleMs: field('Longest pause between octets while the backend is waited for', duration(), { name: 'idle' }),
    progressMs: field('Time for minimumProgress while a request or a response of known length trickles', duration(), {
      name: 'progress',
    }),
    totalMs: field('From the request being sent to the end of its response', duration(), { name: 'total' }),
    tunnelIdleMs: field('Longest pause on a WebSocket', duration(), { name: 'tunnelIdle' }),
    keepAliveMs: field('How long an unused HTTP/1.1 connection is kept', duration(), { name: 'keepAlive' }),
    queueMs: field('How long a request may wait, for its turn and for a connection', duration(), { name: 'queue' }),
  },
  DEFAULT_POOL.timeouts,
);

const CONNECTIONS: Shape<PoolConnections> = map<PoolConnections>(
  {
    max: field('Connections to each target', whole(1, 65_535)),
    maxAgeMs: field('Age at which a connection takes no more requests, spread by a tenth', duration(), {
      name: 'maxAge',
    }),
    maxRequests: field('Requests after which a connection takes no more, spread by a tenth; 0: never', whole(0, 1e9)),
    resolveMs: field('How often names are resolved again, to leave addresses that are gone', duration(), {
      name: 'resolve',
    }),
  },
  DEFAULT_POOL.connections,
);

const TLS: Shape<PoolTls> = map<PoolTls>(
  {
    ca: field("PEM file of the authorities trusted instead of the platform's", optional(FILE)),
    verify: field('False accepts any certificate: for development only', flag()),
    servername: field('Name sent as SNI and checked (default: the host of the target)', optional(text('a host name'))),
    cert: field('PEM file of the certificate shown to targets that ask for one', optional(FILE)),
    key: field('PEM file of its key', optional(FILE)),
  },
  DEFAULT_POOL.tls,
  ({ cert, key }) => ((cert === null) === (key === null) ? null : '"cert" and "key" need each other'),
);

const FULL_POOL: Shape<PoolSettings> = map<PoolSettings>(
  {
    targets: field('Servers: URLs, or maps with url and weight', TARGETS, { isRequired: true }),
    balance: field(
      'How a target is chosen: in turns by weight, the one with the fewest requests, the better of two at random, or by hash',
      oneOf(['round-robin', 'least-requests', 'random-two', 'hash']),
    ),
    hashOn: field(
      'With hash: ip, header:NAME or cookie:NAME',
      text('ip, header:NAME or cookie:NAME', { pattern: /^(?:ip|(?:header|cookie):[!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/ }),
    ),
    maxInFlight: field('Requests under way in the whole pool; more wait. 0: no limit', whole(0, 1e6)),
    maxQueued: field('Requests that may wait; one more gets a 503', whole(0, 1e6)),
    health: field('Active health checks (default: none)', optional(HEALTH, 'off')),
    ejection: field('How traffic itself takes a target out', EJECTION),
    retries: field('When a request is sent again', RETRIES),
    timeouts: field('Each with a reason code of its own', TIMEOUTS),
    minimumProgressBytes: field('Octets that must move in timeouts.progress while they trickle', size(1, 2 ** 30), {
      name: 'minimumProgress',
    }),
    connections: field('Connections to each target', CONNECTIONS),
    tls: field('TLS towards https:// and h2:// targets', TLS),
  },
  DEFAULT_POOL,
  ({ targets }) => (targets.length > 0 ? null : 'a pool needs at least one target'),
);

const BARE_POOL: Shape<PoolSettings> = {
  ...TARGETS,
  read: (source, path, problems) => {
    const targets = TARGETS.read(source, path, problems);
    return targets === undefined ? undefined : { ...DEFAULT_POOL, targets };
  },
  write: ({ targets }) => TARGETS.write(targets),
};

/** A pool: a URL, a list of them, or a map with all its settings. */
export const POOL: Shape<PoolSettings> = either(source => source.kind !== 'map', BARE_POOL, FULL_POOL);
