import { type Resolve, systemResolve } from './resolve.ts';

/** Settings of one backend target. Units are in the names; 0 turns a timeout off. */
export interface UpstreamOptions {
  /** Connections to this target at once, idle ones included. Default 256, 1..65535. */
  readonly maxConnections?: number;
  /** Exchanges that may wait for a connection; one more is refused with `backend_queue_full`. Default 1024. */
  readonly maxQueued?: number;
  /** How long an exchange may wait for a connection. Default 10 s. */
  readonly queueTimeoutMs?: number;
  /** Name resolution, TCP and TLS handshake together. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** From the request's last octet, or the last 1xx response, to the final response's head. Default 60 s. */
  readonly firstByteTimeoutMs?: number;
  /** Longest pause between octets in either direction while we wait for the backend. Default 300 s (server-sent events). */
  readonly bodyIdleTimeoutMs?: number;
  /**
   * Time in which `minimumProgressBytes` must move while octets trickle: of a request that waits for the backend, or of a
   * response with content-length. What stands still, or has no length, is left to `bodyIdleTimeoutMs`. Default 60 s.
   */
  readonly progressTimeoutMs?: number;
  /** Default 1024, 1..2^30. */
  readonly minimumProgressBytes?: number;
  /** From a request finding its connection to the end of its response, WebSockets excepted. Default 0: off. */
  readonly totalTimeoutMs?: number;
  /** Age at which a connection takes no more exchanges, spread by a tenth. Default 0: never. */
  readonly maxConnectionAgeMs?: number;
  /** Exchanges after which a connection takes no more, spread by a tenth. Default 0: never. */
  readonly maxConnectionRequests?: number;
  /** How often the host's name is resolved again; connections to addresses that are gone take no more. Default 0: never. */
  readonly resolveIntervalMs?: number;
  /** Longest pause on an upgraded connection (WebSocket). Default 1 h. */
  readonly tunnelIdleTimeoutMs?: number;
  /**
   * How long an unused connection is kept. Shorter than the 5 s of Node, Gunicorn and others, so that we close first and
   * no request meets a connection the backend is closing. Default 4 s.
   */
  readonly keepAliveTimeoutMs?: number;
  /** Size of a response head or of trailers, in octets. Default 64 KiB. */
  readonly maxHeadBytes?: number;
  /** Fields in a response head or in trailers. Default 256. */
  readonly maxFields?: number;
  /** 1xx responses before the final one. Default 32. */
  readonly maxInformational?: number;
  /** Response octets not yet passed on at which reading stops. Default 128 KiB. */
  readonly receiveHighWaterBytes?: number;
  /** Request octets not yet taken by the kernel at which `write` answers false. Default 256 KiB, at least 128 KiB. */
  readonly sendHighWaterBytes?: number;
  /** Addresses that must never be dialled: the gateway's own admin and inspector listeners. Default: none. */
  readonly forbidden?: (address: string, port: number) => boolean;
  /** How names become addresses. Default: as the system does it. */
  readonly resolve?: Resolve;
  /** PEM of the authorities trusted for `https://` and `h2://` instead of the platform's. Default: the platform's. */
  readonly ca?: string;
  /** False accepts any certificate (development only). Default true. */
  readonly verifyCertificate?: boolean;
  /** Name sent as SNI and checked against the certificate. Default: the URL's host. */
  readonly servername?: string;
  /** PEM certificate chain and key shown to backends that ask for one (mTLS). Default: none. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
}

/** Options with every default filled in. */
export interface ResolvedUpstreamOptions {
  readonly maxConnections: number;
  readonly maxQueued: number;
  readonly queueTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  readonly progressTimeoutMs: number;
  readonly minimumProgressBytes: number;
  readonly totalTimeoutMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionRequests: number;
  readonly resolveIntervalMs: number;
  readonly tunnelIdleTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxHeadBytes: number;
  readonly maxFields: number;
  readonly maxInformational: number;
  readonly receiveHighWaterBytes: number;
  readonly sendHighWaterBytes: number;
  readonly forbidden: ((address: string, port: number) => boolean) | null;
  readonly resolve: Resolve;
  readonly ca: string | null;
  readonly verifyCertificate: boolean;
  readonly servername: string | null;
  readonly clientCertificate: { readonly cert: string; readonly key: string } | null;
}

/** Everything that a pool looks at the clock for, ms; 0: off. */
export function timeoutsOf(options: ResolvedUpstreamOptions): readonly number[] {
  return [
    options.queueTimeoutMs,
    options.firstByteTimeoutMs,
    options.bodyIdleTimeoutMs,
    options.progressTimeoutMs,
    options.totalTimeoutMs,
    options.tunnelIdleTimeoutMs,
    options.keepAliveTimeoutMs,
  ];
}

/** The stream default of Node 20 is 16 KiB, of Node 22 64 KiB; `drain` is only certain above twice the larger. */
const LEAST_SEND_HIGH_WATER = 131072;

/** Fills in defaults and checks ranges. Throws a RangeError that names the option, its value and its range. */
export function resolveUpstreamOptions(options: UpstreamOptions): ResolvedUpstreamOptions {
  return {
    maxConnections: integer('maxConnections', options.maxConnections, 256, 1, 65535),
    maxQueued: integer('maxQueued', options.maxQueued, 1024, 0, 1_000_000),
    queueTimeoutMs: timeout('queueTimeoutMs', options.queueTimeoutMs, 10_000),
    connectTimeoutMs: timeout('connectTimeoutMs', options.connectTimeoutMs, 5_000),
    firstByteTimeoutMs: timeout('firstByteTimeoutMs', options.firstByteTimeoutMs, 60_000),
    bodyIdleTimeoutMs: timeout('bodyIdleTimeoutMs', options.bodyIdleTimeoutMs, 300_000),
    progressTimeoutMs: timeout('progressTimeoutMs', options.progressTimeoutMs, 60_000),
    minimumProgressBytes: integer('minimumProgressBytes', options.minimumProgressBytes, 1_024, 1, 2 ** 30),
    totalTimeoutMs: timeout('totalTimeoutMs', options.totalTimeoutMs, 0),
    maxConnectionAgeMs: timeout('maxConnectionAgeMs', options.maxConnectionAgeMs, 0),
    maxConnectionRequests: integer('maxConnectionRequests', options.maxConnectionRequests, 0, 0, 1e9),
    resolveIntervalMs: timeout('resolveIntervalMs', options.resolveIntervalMs, 0),
    tunnelIdleTimeoutMs: timeout('tunnelIdleTimeoutMs', options.tunnelIdleTimeoutMs, 3_600_000),
    keepAliveTimeoutMs: timeout('keepAliveTimeoutMs', options.keepAliveTimeoutMs, 4_000),
    maxHeadBytes: integer('maxHeadBytes', options.maxHeadBytes, 65_536, 256, 1_048_576),
    maxFields: integer('maxFields', options.maxFields, 256, 1, 65_535),
    maxInformational: integer('maxInformational', options.maxInformational, 32, 0, 65_535),
    receiveHighWaterBytes: integer('receiveHighWaterBytes', options.receiveHighWaterBytes, 131_072, 1, 2 ** 30),
    sendHighWaterBytes: integer(
      'sendHighWaterBytes',
      options.sendHighWaterBytes,
      262_144,
      LEAST_SEND_HIGH_WATER,
      2 ** 30,
    ),
    forbidden: options.forbidden ?? null,
    resolve: options.resolve ?? systemResolve,
    ca: options.ca ?? null,
    verifyCertificate: options.verifyCertificate ?? true,
    servername: options.servername ?? null,
    clientCertificate: options.clientCertificate ?? null,
  };
}

function integer(name: string, value: number | undefined, fallback: number, least: number, most: number): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`upstream option ${name} is ${value}; it must be an integer from ${least} to ${most}`);
  }
  return value;
}

function timeout(name: string, value: number | undefined, fallback: number): number {
  return integer(name, value, fallback, 0, 2 ** 31 - 1);
}
