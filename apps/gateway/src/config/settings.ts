import { type ResolvedOptions, resolveOptions } from '@glassway/h2-core';
import { DEFAULT_LISTENER_LIMITS, type ListenerLimits } from '../listener/limits.ts';
import type { LogLevel } from '../log.ts';
import type { AccessFormat } from '../log-access.ts';
import type { BindAddress, ListenAddress } from './address.ts';
import type { PoolSettings } from './pool-settings.ts';
import type { RouteSettings } from './route-settings.ts';

/** A certificate to serve, from PEM files. */
export interface CertificateSettings {
  /** The chain, leaf first. */
  readonly cert: string;
  readonly key: string;
  /** Names it serves, exact or `*.example.com`. Absent: the DNS names in the certificate. */
  readonly names?: readonly string[];
}

/** Certificates of clients (mutual TLS). */
export interface ClientCertificateSettings {
  /** Whether clients are asked for one. Default `off`. */
  readonly mode: 'off' | 'optional' | 'require';
  /** PEM file of the authorities that sign them; null only with `off`. */
  readonly ca: string | null;
  /** Field in which a backend gets the subject of a verified certificate. Never taken from clients. */
  readonly subjectField: string;
}

/** Options of the core that are set elsewhere, are the gateway's own business, or mean nothing to it. */
type OtherHttp2Option =
  | 'maxConcurrentStreams'
  | 'enablePush'
  | 'enableConnectProtocol'
  | 'padding'
  | 'settingsOrder'
  | 'pseudoOrder'
  | 'indexing'
  | 'splitCookies'
  | 'joinCookies'
  | 'automaticPingAck'
  | 'prefaceReceived'
  | 'extraSettings'
  | 'holdCancelledSlots'
  | 'maxReservedStreams'
  | 'maxPendingAccept'
  | 'maxPendingAcceptResetStreams';

/** Settings and limits of HTTP/2 connections with clients, see `CoreOptions` of `@glassway/h2-core`. */
export type Http2LimitSettings = Omit<ResolvedOptions, OtherHttp2Option>;

/** What clients may cost. 0 turns a limit off where that is possible. */
export interface LimitSettings extends Omit<ListenerLimits, 'upgradeH2c' | 'http2'> {
  /** Octets held for slow peers, all connections together; above it new requests get a 503. Default 1 GiB, 0: off. */
  readonly maxBufferedBytes: number;
  readonly http2: Http2LimitSettings;
}

/** Everything a gateway is started with. One vocabulary for the file, flags, environment and programs. */
export interface Settings {
  /** Backends, taken in turns: `http://`, `https://`, `h2c://` or `h2://` with host and port. Behind all `routes`. */
  readonly to: readonly string[];
  /** TLS listener (ALPN h2, http/1.1); null: off. Default 127.0.0.1:8443. */
  readonly https: BindAddress | null;
  /** Cleartext listener (HTTP/1.1, h2c by prior knowledge and Upgrade); null: off. Default 127.0.0.1:8080. */
  readonly http: BindAddress | null;
  /** Inspector; null: off. Default 127.0.0.1:8090. Loopback only. */
  readonly inspector: ListenAddress | null;
  /**
   * Octets of every DATA frame that the inspector keeps and shows, 0 for none. Bodies are as secret as fields and nothing in
   * them is redacted: whoever has the inspector's token reads them. Default 0, range 0..16384.
   */
  readonly inspectorPayloads: number;
  /** URL of an OpenTelemetry collector for OTLP/HTTP: http://127.0.0.1:4318/v1/traces; null: no traces. Default none. */
  readonly otlpEndpoint: string | null;
  /** Percent of requests that are traced when their caller has not decided. Default 100. */
  readonly traceSampling: number;
  /** Processes that serve. Default 1, range 1..256. */
  readonly workers: number;
  /** Health, metrics and admin API; null: off. Default off. */
  readonly admin: ListenAddress | null;
  /** File with the token of the admin API; null: a new one at every start. */
  readonly adminTokenFile: string | null;
  /** Names the admin listener answers to, besides addresses and `localhost`. */
  readonly adminHost: readonly string[];
  /** Whether clients may read the state of their own HTTP/2 connection at /.well-known/h2/state. Default false. */
  readonly debugState: boolean;
  /** Time between "not ready" and the end of accepting when the gateway is told to stop, ms. Default 0. */
  readonly drainDelayMs: number;
  /** Time for requests under way when the gateway stops, ms. Default 15,000. */
  readonly drainTimeoutMs: number;
  /** PEM file of the certificate chain; null (and no `certificates`): made by the development authority. */
  readonly cert: string | null;
  /** PEM file of its key. */
  readonly key: string | null;
  /** More certificates, selected by server name. The first of all is shown to clients that ask for no known name. */
  readonly certificates: readonly CertificateSettings[];
  readonly clientCertificates: ClientCertificateSettings;
  /** File of 48 octets that session tickets are made with, for gateways that share an address; null: random. */
  readonly ticketKeyFile: string | null;
  /** File to which TLS secrets of clients' connections are logged, for packet analysers; null: nowhere. */
  readonly keyLog: string | null;
  /** File of the access log, `-` for standard output, null: none. Default none. */
  readonly accessLog: string | null;
  /** Default `text`. */
  readonly accessLogFormat: AccessFormat;
  /** Name of the response field that carries the reason of responses the gateway makes itself; null: none. Default none. */
  readonly reasonHeader: string | null;
  /** Default `info`. */
  readonly logLevel: LogLevel;
  /**
   * Whether the log tells which requests stand still and why, in the inspector's words. Needs the inspector, whose thread
   * then reads all the time and not only while somebody looks. Default false.
   */
  readonly logStalls: boolean;
  /** Whether HTTP/1.1 clients may switch to h2c by Upgrade. Default true. */
  readonly upgrade: boolean;
  /** Streams a client may have open at once on an HTTP/2 connection. Default 128, range 1..65,536. */
  readonly maxConcurrentStreams: number;
  /** Networks whose forwarded fields are believed: addresses or CIDR. Default none. */
  readonly trustedProxy: readonly string[];
  /** Networks of balancers that begin every connection with a PROXY protocol header. Default none. */
  readonly proxyProtocol: readonly string[];
  /** Whether the configuration file is read again when it changes. Default true. */
  readonly watch: boolean;
  readonly limits: LimitSettings;
  /** Pools of backends by name. */
  readonly backends: Readonly<Record<string, PoolSettings>>;
  /** Which requests go where; what none of them takes goes to `to`. */
  readonly routes: readonly RouteSettings[];
}

const { upgradeH2c: _upgrade, http2: _http2, ...LISTENER_LIMITS } = DEFAULT_LISTENER_LIMITS;
const {
  maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
  enablePush: _push,
  enableConnectProtocol: _connect,
  padding: _padding,
  automaticPingAck: _ack,
  prefaceReceived: _preface,
  extraSettings: _extra,
  holdCancelledSlots: _slots,
  maxReservedStreams: _reserved,
  maxPendingAccept: _pending,
  maxPendingAcceptResetStreams: _pendingResets,
  ...HTTP2_LIMITS
} = resolveOptions('server');

/** The defaults. `to` has none. */
export const DEFAULT_SETTINGS: Settings = {
  to: [],
  https: { host: '127.0.0.1', port: 8443 },
  http: { host: '127.0.0.1', port: 8080 },
  inspector: { host: '127.0.0.1', port: 8090 },
  inspectorPayloads: 0,
  otlpEndpoint: null,
  traceSampling: 100,
  workers: 1,
  admin: null,
  adminTokenFile: null,
  adminHost: [],
  debugState: false,
  drainDelayMs: 0,
  drainTimeoutMs: 15_000,
  cert: null,
  key: null,
  certificates: [],
  clientCertificates: { mode: 'off', ca: null, subjectField: 'x-client-certificate-subject' },
  ticketKeyFile: null,
  keyLog: null,
  accessLog: null,
  accessLogFormat: 'text',
  reasonHeader: null,
  logLevel: 'info',
  logStalls: false,
  upgrade: true,
  maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
  trustedProxy: [],
  proxyProtocol: [],
  watch: true,
  limits: { ...LISTENER_LIMITS, maxBufferedBytes: 1024 ** 3, http2: HTTP2_LIMITS },
  backends: {},
  routes: [],
};

/** All certificates, that of `cert` and `key` first. */
export function certificatesOf({ cert, key, certificates }: Settings): readonly CertificateSettings[] {
  return cert === null || key === null ? certificates : [{ cert, key }, ...certificates];
}

/** The user asked for something that cannot be: exit code 2. The message names the setting and what to do. */
export class UsageProblem extends Error {
  override readonly name: string = 'UsageProblem';
}
