/** What a client may cost before and around its requests. HTTP/2's own limits are the core's and pass through `http2`. */
import type { ConnectionOptions } from '@glassway/h2-core';

/** Settings of the client side; every one may be given alone. */
export interface ListenerLimits {
  /** From accept to the first octets that tell the protocol, TLS handshake included. Stops silent sockets. 0: off. */
  readonly negotiationTimeoutMs: number;
  /** HTTP/1: from a request's first octet (or the connection's start) to the end of its head. Stops slowloris. 0: off. */
  readonly headersTimeoutMs: number;
  /** How often the timeouts of heads, bodies and streams are checked. */
  readonly checkIntervalMs: number;
  /** HTTP/1: longest pause between body octets while the gateway is ready to read them. 0: off. */
  readonly bodyTimeoutMs: number;
  /**
   * HTTP/2: how long a stream whose request is not complete may stand still in both directions while the gateway is ready.
   * Long, because bidirectional streams are; WebSockets are exempt. 0: off.
   */
  readonly streamIdleTimeoutMs: number;
  /** HTTP/1: a client that takes fewer than `minimumProgressBytes` of a waiting response in this time is cut. 0: off. */
  readonly writeStallTimeoutMs: number;
  /** Octets that count as progress in `writeStallTimeoutMs`; a one-octet drip is none. */
  readonly minimumProgressBytes: number;
  /** HTTP/1: how long an idle connection is kept for the next request. */
  readonly keepAliveTimeoutMs: number;
  /** HTTP/1: octets of request line and fields, trailers alike. Above: 431. */
  readonly maxHeaderBytes: number;
  /** HTTP/1: field lines of one section. Above: 431. */
  readonly maxHeaderFields: number;
  /** HTTP/1: requests waiting behind the one being served. Above: those are answered, then the connection closed. */
  readonly maxPipelined: number;
  /** HTTP/1: body octets handed to the exchange and not given back before the socket is read no further. */
  readonly bodyWindowBytes: number;
  /** HTTP/1: how long, after an early response, the rest of a request body is read and dropped to save the connection. */
  readonly lingerTimeoutMs: number;
  /** Client connections in total, TLS handshakes under way included; one more is closed at once. 0: no limit. */
  readonly maxConnections: number;
  /** Client connections from one address, of IPv6 from one /64 network; unix sockets have none. 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /**
   * Age at which a client connection is asked to leave (GOAWAY, or Connection: close), so that clients find new gateways
   * and certificates; spread by a tenth, so that those opened together do not leave together. 0: never.
   */
  readonly maxConnectionAgeMs: number;
  /** Requests after which a client connection is asked to leave. 0: never. */
  readonly maxRequestsPerConnection: number;
  /** Whether `:scheme` and an absolute-form target must name the transport's own scheme (D14). */
  readonly strictScheme: boolean;
  /**
   * Whether a request over TLS must be for a name that the connection's certificate covers, else 421. For gateways whose
   * certificates stand for different rights; others only lose clients that do not check certificates.
   */
  readonly strictAuthority: boolean;
  /** Whether HTTP/1.1 clients may switch to HTTP/2 in cleartext by Upgrade (RFC 7540 3.2). */
  readonly upgradeH2c: boolean;
  /** Whether WebSockets are bridged: Upgrade on HTTP/1.1 (RFC 6455), extended CONNECT on HTTP/2 (RFC 8441). */
  readonly webSocket: boolean;
  /** Settings and limits of HTTP/2 connections, handed to the core. */
  readonly http2: Omit<ConnectionOptions, 'role' | 'handler' | 'tap'>;
}

/** The defaults. */
export const DEFAULT_LISTENER_LIMITS: ListenerLimits = {
  negotiationTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  checkIntervalMs: 1_000,
  bodyTimeoutMs: 60_000,
  streamIdleTimeoutMs: 300_000,
  writeStallTimeoutMs: 30_000,
  minimumProgressBytes: 1_024,
  keepAliveTimeoutMs: 60_000,
  maxHeaderBytes: 64 * 1024,
  maxHeaderFields: 256,
  maxPipelined: 64,
  bodyWindowBytes: 256 * 1024,
  lingerTimeoutMs: 2_000,
  maxConnections: 0,
  maxConnectionsPerAddress: 0,
  maxConnectionAgeMs: 0,
  maxRequestsPerConnection: 0,
  strictScheme: true,
  strictAuthority: false,
  upgradeH2c: true,
  webSocket: true,
  http2: {},
};

/** Fills in the defaults. Throws a RangeError that names the setting when a number is negative or not finite. */
export function resolveListenerLimits(given: Partial<ListenerLimits> = {}): ListenerLimits {
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'number' && !(value >= 0 && Number.isFinite(value))) {
      throw new RangeError(`${name} must be a number of at least 0, not ${value}`);
    }
  }
  return { ...DEFAULT_LISTENER_LIMITS, ...given };
}
