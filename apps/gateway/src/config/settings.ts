import type { LogLevel } from '../log.ts';
import type { AccessFormat } from '../log-access.ts';
import type { ListenAddress } from './address.ts';

/** Everything a gateway is started with. One vocabulary for flags, environment and programs. */
export interface Settings {
  /** Backends, taken in turns: `http://`, `https://`, `h2c://` or `h2://` with host and port. */
  readonly to: readonly string[];
  /** TLS listener (ALPN h2, http/1.1); null: off. Default 127.0.0.1:8443. */
  readonly https: ListenAddress | null;
  /** Cleartext listener (HTTP/1.1, h2c by prior knowledge and Upgrade); null: off. Default 127.0.0.1:8080. */
  readonly http: ListenAddress | null;
  /** Inspector; null: off. Default 127.0.0.1:8090. Loopback only. */
  readonly inspector: ListenAddress | null;
  /** PEM files of the certificate chain and its key; null: certificates of the development authority. */
  readonly certificate: { readonly certFile: string; readonly keyFile: string } | null;
  /** File of the access log, `-` for standard output, null: none. Default none. */
  readonly accessLog: string | null;
  /** Default `text`. */
  readonly accessLogFormat: AccessFormat;
  /** Default `info`. */
  readonly logLevel: LogLevel;
  /** Whether HTTP/1.1 clients may switch to h2c by Upgrade. Default true. */
  readonly upgrade: boolean;
  /** Streams a client may have open at once on an HTTP/2 connection. Default 128, range 1..65,536. */
  readonly maxConcurrentStreams: number;
  /** Networks whose forwarded fields are believed: addresses or CIDR. Default none. */
  readonly trustedProxies: readonly string[];
}

/** The defaults. `to` has none. */
export const DEFAULT_SETTINGS: Settings = {
  to: [],
  https: { host: '127.0.0.1', port: 8443 },
  http: { host: '127.0.0.1', port: 8080 },
  inspector: { host: '127.0.0.1', port: 8090 },
  certificate: null,
  accessLog: null,
  accessLogFormat: 'text',
  logLevel: 'info',
  upgrade: true,
  maxConcurrentStreams: 128,
  trustedProxies: [],
};

/** The user asked for something that cannot be: exit code 2. The message names the setting and what to do. */
export class UsageProblem extends Error {
  override readonly name: string = 'UsageProblem';
}
