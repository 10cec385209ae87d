import { isIP, type LookupFunction } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect, type TLSSocket } from 'node:tls';
import { type CipherPolicyName, cipherPolicy } from './cipher-policy.ts';
import type { Credentials } from './credentials.ts';
import { checkInteger, checkProtocols, messageOf, TlsAlpnError } from './errors.ts';
import { type KeyLog, openKeyLog } from './key-log.ts';
import { authorizationErrorOf, describeTls, type TlsDetails } from './tls-details.ts';

/** Options of `dial`. */
export interface DialOptions {
  /** ALPN protocols to offer, most wanted first. Default `h2`, `http/1.1`. */
  readonly protocols?: readonly string[];
  /** The protocol of a server that does not know ALPN; null refuses it. Default `http/1.1` when it is offered, else null. */
  readonly withoutAlpn?: string | null;
  /** Name for SNI and for verification. Default: the host of the URL; an IP address is verified but not sent. */
  readonly servername?: string;
  /** Authorities (PEM) to trust instead of the platform's. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** False accepts any certificate; `tls.peerCertificate.error` then says what is wrong with it. Default true. */
  readonly verify?: boolean;
  /** Certificate to show when the server asks for one. */
  readonly clientCertificate?: Credentials;
  /** Suites and versions. Default `modern`. */
  readonly ciphers?: CipherPolicyName;
  /** Session to resume, as given by the socket's `session` event. */
  readonly session?: Buffer;
  /** Time from the start to the end of the handshake. Default 10000, range 50 to 600000. */
  readonly timeoutMs?: number;
  /** Aborts the attempt. */
  readonly signal?: AbortSignal;
  /** Where TLS secrets are logged. Default nowhere. */
  readonly keyLog?: KeyLog;
  /** Resolves the host in place of the platform's resolver, for callers that must see or filter every address. */
  readonly lookup?: LookupFunction;
  /** Unix socket to connect to instead of the URL's host and port; the URL still gives the name. */
  readonly socketPath?: string;
}

/** A connection whose handshake is done. */
export interface DialedSocket {
  /** Has an `error` handler already; add your own to learn about errors. */
  readonly socket: TLSSocket;
  /** The ALPN protocol agreed on, or `withoutAlpn` when the server does not know ALPN. */
  readonly protocol: string;
  /** Name sent as SNI; empty for an IP address. */
  readonly servername: string;
  readonly tls: TlsDetails;
}

/**
 * Connects with TLS to the host and port (default 443) of a URL, whatever its scheme. All addresses of the host are
 * tried (RFC 8305).
 *
 * @throws TlsAlpnError with one of the `dial-` codes, or `option`
 */
export async function dial(url: string | URL, options: DialOptions = {}): Promise<DialedSocket> {
  const protocols = checkProtocols(options.protocols ?? ['h2', 'http/1.1']);
  const { withoutAlpn = protocols.includes('http/1.1') ? 'http/1.1' : null, verify = true } = options;
  const timeoutMs = checkInteger('timeoutMs', options.timeoutMs ?? 10_000, 50, 600_000);
  const target = targetOf(url);
  const name = options.servername ?? target.host;
  const servername = isIP(name) === 0 ? name : '';
  if (options.signal?.aborted === true) throw aborted(target, options.signal);
  const keyLog = options.keyLog === undefined ? null : openKeyLog(options.keyLog, () => {});

  const socket = connect({
    ...cipherPolicy(options.ciphers),
    ...(options.socketPath === undefined ? { ...target, host: resolvable(target.host) } : { path: options.socketPath }),
    ...credentialsOf(options),
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    servername,
    ALPNProtocols: [...protocols],
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    // Looked at after the handshake instead, so that a refusal can say why. Nothing is sent before that.
    rejectUnauthorized: false,
  });
  socket.on('error', ignore);
  if (keyLog !== null) {
    socket.on('keylog', keyLog.write);
    socket.once('close', () => void keyLog.close());
  }
  try {
    await secured(socket, target, timeoutMs, options.signal);
    const tls = describeTls(socket, true);
    if (verify && !socket.authorized) throw untrusted(socket, target, name);
    const protocol = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : withoutAlpn;
    if (protocol === null) {
      const message = `${where(target)} chose none of the offered protocols (${protocols.join(', ')})`;
      throw new TlsAlpnError('dial-no-protocol', message);
    }
    return { socket, protocol, servername, tls };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function targetOf(url: string | URL): Target {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (error) {
    throw new TlsAlpnError('option', `"${url}" is not a URL such as https://localhost:8443`, error);
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (host === '') throw new TlsAlpnError('option', `"${url}" names no host`);
  return { host, port: parsed.port === '' ? 443 : Number(parsed.port) };
}

/** RFC 6761 6.3: names below `.localhost` are the loopback, and need not be asked of a resolver that may not know. */
function resolvable(host: string): string {
  return host.endsWith('.localhost') ? 'localhost' : host;
}

function where({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function credentialsOf({ ca, clientCertificate, session }: DialOptions): ConnectionOptions {
  return {
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...clientCertificate,
    ...(session === undefined ? {} : { session }),
  };
}

/** Resolves when the handshake is done; rejects on an error, at the deadline, or when aborted. */
function secured(socket: TLSSocket, target: Target, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    let connected = false;
    const finish = (error?: TlsAlpnError): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('secureConnect', onSecure).off('error', onError).off('close', onClose).off('connect', onConnect);
      if (error === undefined) done();
      else fail(error);
    };
    const onConnect = (): void => {
      connected = true;
    };
    const onSecure = (): void => finish();
    const onError = (error: Error): void =>
      finish(connected ? handshakeError(error, target) : unreachable(error, target));
    const onClose = (): void => finish(handshakeError(new Error('the server closed the connection'), target));
    const onAbort = (): void => finish(aborted(target, signal!));
    const timer = setTimeout(() => {
      const step = connected ? 'the TLS handshake' : 'connecting';
      finish(new TlsAlpnError('dial-timeout', `${where(target)}: ${step} took longer than ${timeoutMs} ms`));
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('secureConnect', onSecure).on('error', onError).on('close', onClose).on('connect', onConnect);
  });
}

function aborted(target: Target, signal: AbortSignal): TlsAlpnError {
  return new TlsAlpnError('dial-aborted', `connecting to ${where(target)} was aborted`, signal.reason);
}

function unreachable(error: Error, target: Target): TlsAlpnError {
  // Node tries every address of the host and puts one error per address into an AggregateError without a message.
  const each = error instanceof AggregateError ? error.errors : [error];
  const why = each.map(messageOf).join(' and ');
  return new TlsAlpnError('dial-connect', `cannot connect to ${where(target)}: ${why}`, error);
}

function handshakeError(error: Error, target: Target): TlsAlpnError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code.endsWith('NO_APPLICATION_PROTOCOL')) {
    return new TlsAlpnError('dial-no-protocol', `${where(target)} speaks none of the offered protocols`, error);
  }
  const why = code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? 'it does not speak TLS on this port' : error.message;
  return new TlsAlpnError('dial-handshake', `TLS handshake with ${where(target)} failed: ${why}`, error);
}

function untrusted(socket: TLSSocket, target: Target, name: string): TlsAlpnError {
  const why = authorizationErrorOf(socket);
  const message = `the certificate of ${where(target)} is not trusted for ${name}: ${why}`;
  return new TlsAlpnError('dial-untrusted', message);
}

function ignore(): void {
  // The owner of the socket adds its own handler; until then an error is followed by `close`, which is enough.
}
