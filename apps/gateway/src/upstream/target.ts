import { isIP } from 'node:net';

/** How a backend is spoken to, from the scheme of its URL. */
export type TargetScheme = 'http' | 'h2c' | 'https' | 'h2';

/** A backend's address, parsed from its URL. */
export interface Target {
  /** As configured, for logs. */
  readonly url: string;
  readonly scheme: TargetScheme;
  readonly tls: boolean;
  /** Host name or address without brackets; empty for a unix socket. */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Path of a unix socket, null for TCP. */
  readonly socketPath: string | null;
  /** `host:port`, `[v6]:port` or `unix:/path`, for messages. */
  readonly label: string;
}

const UNIX = /^(http|h2c):\/\/unix:(\/[^\0]+)$/;

/**
 * Parses `http://`, `https://`, `h2c://` or `h2://` with host and optional port, or `http://unix:/path` and
 * `h2c://unix:/path`. Throws an Error that says what is wrong: credentials, path, query and fragment have no meaning here.
 */
export function parseTarget(url: string): Target {
  const unix = UNIX.exec(url);
  if (unix !== null) {
    const path = unix[2]!;
    return {
      url,
      scheme: unix[1] as 'http' | 'h2c',
      tls: false,
      host: '',
      port: 0,
      socketPath: path,
      label: `unix:${path}`,
    };
  }
  const colon = url.indexOf('://');
  const scheme = url.slice(0, Math.max(colon, 0)).toLowerCase();
  if (scheme !== 'http' && scheme !== 'https' && scheme !== 'h2c' && scheme !== 'h2') {
    throw new Error(`backend "${url}": the URL must begin with http://, https://, h2c:// or h2://`);
  }
  const tls = scheme === 'https' || scheme === 'h2';
  // The URL parser treats unknown schemes loosely; a known one gives host canonicalisation and port defaults.
  let parsed: URL;
  try {
    parsed = new URL(`${tls ? 'https' : 'http'}${url.slice(colon)}`);
  } catch {
    throw new Error(`backend "${url}": not a valid URL`);
  }
  if (parsed.username !== '' || parsed.password !== '')
    throw new Error(`backend "${url}": credentials are not supported`);
  if (parsed.pathname !== '/' || parsed.search !== '' || parsed.hash !== '') {
    throw new Error(`backend "${url}": only scheme, host and port are meant here, paths are passed on as they come`);
  }
  const host = parsed.hostname.startsWith('[') ? parsed.hostname.slice(1, -1) : parsed.hostname;
  const port = parsed.port === '' ? (tls ? 443 : 80) : Number(parsed.port);
  if (port === 0) throw new Error(`backend "${url}": port 0 cannot be connected to`);
  return { url, scheme, tls, host, port, socketPath: null, label: addressLabel(host, port) };
}

/** `host:port`, with brackets around an IPv6 address. */
export function addressLabel(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
