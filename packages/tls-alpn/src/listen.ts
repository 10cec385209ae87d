import { randomBytes } from 'node:crypto';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { checkInteger, checkProtocols, TlsAlpnError } from './errors.ts';
import { type KeyLog, openKeyLog } from './key-log.ts';
import { normalizeName } from './names.ts';
import { classifyRefusal, type HandshakeRefusal, refusal, UnknownServerName } from './refusal.ts';
import type { SecureContexts } from './secure-contexts.ts';
import { describeTls, type TlsDetails } from './tls-details.ts';

/** A connection whose handshake is done. */
export interface AcceptedSocket {
  /** Has an `error` handler already; add your own to learn about errors. */
  readonly socket: TLSSocket;
  /** The ALPN protocol agreed on, or `withoutAlpn` when the client does not know ALPN. */
  readonly protocol: string;
  /** Server name the client asked for, lower case; empty when it sent none. */
  readonly servername: string;
  readonly tls: TlsDetails;
}

/** Options of `listen`. */
export interface ListenOptions {
  /** Address to bind. Default `127.0.0.1`. */
  readonly host?: string;
  /** Port to bind, 0 for any free one. Default 0. */
  readonly port?: number;
  /** Unix socket to bind instead of `host` and `port`. */
  readonly path?: string;
  /** Length of the accept queue. Default 511. */
  readonly backlog?: number;
  /** The certificates, see `SecureContexts.load`. */
  readonly contexts: SecureContexts;
  /** ALPN protocols, most wanted first. Default `h2`, `http/1.1`. No overlap: alert no_application_protocol (RFC 7301 3.2). */
  readonly protocols?: readonly string[];
  /** The protocol of clients that send no ALPN; null refuses them. Default `http/1.1` when it is served, else null. */
  readonly withoutAlpn?: string | null;
  /** Time from connect to the end of the handshake. Default 10000, range 50 to 600000. */
  readonly handshakeTimeoutMs?: number;
  /** Whether clients are asked for a certificate signed by the contexts' client authorities. Default `off`. */
  readonly clientCertificates?: 'off' | 'optional' | 'require';
  /**
   * Session ticket keys, 48 octets, for processes that share an address. Default: random, so tickets end with the process.
   * Where clients show certificates a reload of the contexts replaces them.
   */
  readonly ticketKeys?: Buffer;
  /** Where TLS secrets are logged. Default nowhere. */
  readonly keyLog?: KeyLog;
  /**
   * Gets every connection before its handshake, to read what stands before that, such as a PROXY protocol header. It gives
   * the octets that follow back by `unshift` and calls `proceed`; without that call the socket is its own to close.
   */
  readonly beforeHandshake?: (socket: Socket, proceed: () => void) => void;
  /** Sent to clients that speak plain HTTP to this port, which is then closed. Default nothing. */
  readonly answerToPlainHttp?: string;
  /** Told about every handshake that failed or was refused. */
  readonly onRefused?: (refusal: HandshakeRefusal) => void;
  /** Told about failures of the listener itself: accept errors, a key log that cannot be written, `onSocket` throwing. */
  readonly onError?: (error: Error) => void;
}

const TICKET_KEYS_OCTETS = 48;

/** Where a listener is bound. */
export type ListenAddress =
  | { readonly host: string; readonly port: number; readonly family: 'IPv4' | 'IPv6' }
  | { readonly path: string };

/** A bound listener. */
export interface TlsListener {
  readonly address: ListenAddress;
  /** Sockets open now, those still in their handshake included. */
  readonly connections: number;
  /** Runs the handshake on a connection accepted elsewhere, such as one that began with a PROXY protocol header. */
  readonly accept: (socket: Socket) => void;
  /**
   * Stops accepting, frees the address and cuts unfinished handshakes: `onSocket` is not called any more. Sockets handed
   * over stay open, they belong to the caller. Idempotent.
   */
  readonly close: () => Promise<void>;
}

/**
 * Binds a TLS listener and calls `onSocket` for every finished handshake.
 *
 * @throws TlsAlpnError `listen` when the address cannot be bound, `option` for a value outside its range
 */
export async function listen(
  options: ListenOptions,
  onSocket: (accepted: AcceptedSocket) => void | Promise<void>,
): Promise<TlsListener> {
  const { contexts, onRefused, onError } = options;
  const settings = resolve(options);
  const open = new Set<Socket>();
  const shaking = new Handshakes();
  let closing: Promise<void> | null = null;

  const server = createServer({
    ...contexts.defaultOptions,
    ALPNProtocols: [...settings.protocols],
    // The platform calls it on the socket that is in its handshake.
    SNICallback(this: TLSSocket, servername, done) {
      contexts
        .overrides(servername)
        .then(given => {
          // Without a context Node destroys the socket with the error given and reports it as `tlsClientError`.
          if (given === null) return done(new UnknownServerName(servername));
          if (!this.destroyed) for (const context of given.slice(0, -1)) this.setKeyCert(context);
          return done(null, given.at(-1));
        })
        .catch((error: unknown) => done(asError(error)));
    },
    handshakeTimeout: settings.handshakeTimeoutMs,
    requestCert: settings.clientCertificates !== 'off',
    rejectUnauthorized: settings.clientCertificates === 'require',
    ticketKeys: settings.ticketKeys,
  });

  // Runs before the TLS layer takes the socket, so that an early reset finds a handler.
  server.prependListener('connection', (socket: Socket) => {
    socket.on('error', ignore);
    open.add(socket);
    shaking.begin(socket);
    socket.once('close', () => {
      open.delete(socket);
      shaking.end(socket);
    });
  });

  server.on('tlsClientError', (error, socket) => {
    socket.on('error', ignore);
    const below = shaking.end(socket);
    const record = classifyRefusal(error, socket);
    const { answerToPlainHttp } = options;
    if (answerToPlainHttp !== undefined && isPlainHttp(record) && below?.writable === true) {
      below.write(answerToPlainHttp, () => socket.destroy());
    } else {
      // Node reports a handshake that timed out but leaves its socket open.
      socket.destroy();
    }
    onRefused?.(record);
  });

  server.on('secureConnection', socket => {
    socket.on('error', ignore);
    shaking.end(socket);
    if (closing !== null) {
      socket.destroy();
      return;
    }
    const alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : settings.withoutAlpn;
    if (alpn === null) {
      const message = `the client sent no ALPN extension, which ${settings.protocols.join(' and ')} needs (RFC 9113 3.2)`;
      const record = refusal('no-application-protocol', message, socket, null);
      socket.destroy();
      onRefused?.(record);
      return;
    }
    const accepted: AcceptedSocket = {
      socket,
      protocol: alpn,
      servername: serverNameOf(socket),
      tls: describeTls(socket, settings.clientCertificates !== 'off'),
    };
    void handOver(accepted);
  });

  const handOver = async (accepted: AcceptedSocket): Promise<void> => {
    try {
      await onSocket(accepted);
    } catch (error) {
      accepted.socket.destroy();
      onError?.(asError(error));
    }
  };

  const keyLog = options.keyLog === undefined ? null : openKeyLog(options.keyLog, error => onError?.(error));
  if (keyLog !== null) server.on('keylog', keyLog.write);

  const { beforeHandshake } = options;
  const front: NetServer =
    beforeHandshake === undefined
      ? server
      : createNetServer(socket => {
          socket.on('error', ignore);
          beforeHandshake(socket, () => {
            if (closing === null) server.emit('connection', socket);
            else socket.destroy();
          });
        });
  await bind(front, options);
  front.on('error', error => onError?.(error));
  // New handshakes get the new certificates; ALPN and open sockets are not touched. Tickets stay good, except where they
  // stand for a client certificate: its authority may be the one that was taken out.
  const stopFollowing = contexts.onChange(() => {
    const ticketKeys = settings.clientCertificates === 'off' ? settings.ticketKeys : randomBytes(TICKET_KEYS_OCTETS);
    server.setSecureContext({ ...contexts.defaultOptions, ticketKeys });
  });

  return {
    address: addressOf(front),
    get connections() {
      return open.size;
    },
    accept: socket => {
      server.emit('connection', socket);
    },
    close: () => {
      closing ??= (async () => {
        stopFollowing();
        front.close();
        shaking.cut();
        await keyLog?.close();
      })();
      return closing;
    },
  };
}

/** Options with their defaults, checked. */
interface Settings {
  readonly protocols: readonly string[];
  readonly withoutAlpn: string | null;
  readonly handshakeTimeoutMs: number;
  readonly clientCertificates: 'off' | 'optional' | 'require';
  readonly ticketKeys: Buffer;
}

function resolve(options: ListenOptions): Settings {
  const protocols = checkProtocols(options.protocols ?? ['h2', 'http/1.1']);
  const clientCertificates = options.clientCertificates ?? 'off';
  if (clientCertificates !== 'off' && !options.contexts.acceptsClientCertificates) {
    // Without authorities of our own OpenSSL would accept every certificate that a public authority signed.
    const message = `clientCertificates "${clientCertificates}" needs SecureContexts with clientCa or clientCaFile`;
    throw new TlsAlpnError('option', message);
  }
  const ticketKeys = options.ticketKeys ?? randomBytes(TICKET_KEYS_OCTETS);
  if (ticketKeys.length !== TICKET_KEYS_OCTETS) {
    throw new TlsAlpnError('option', `ticketKeys must have ${TICKET_KEYS_OCTETS} octets, got ${ticketKeys.length}`);
  }
  const { withoutAlpn = protocols.includes('http/1.1') ? 'http/1.1' : null } = options;
  return {
    protocols,
    withoutAlpn,
    handshakeTimeoutMs: checkInteger('handshakeTimeoutMs', options.handshakeTimeoutMs ?? 10_000, 50, 600_000),
    clientCertificates,
    ticketKeys,
  };
}

/**
 * The handshakes under way. The platform shows no link from a TLS socket to the socket below it, so they are matched by
 * the client's address; on a unix socket there is none, and the handshake timeout alone ends those.
 */
class Handshakes {
  readonly #sockets: Map<string, Socket> = new Map();

  begin(socket: Socket): void {
    const key = endpointOf(socket);
    if (key !== null) this.#sockets.set(key, socket);
  }

  /** Answers the socket below. */
  end(socket: Socket): Socket | undefined {
    const key = endpointOf(socket);
    if (key === null) return undefined;
    const below = this.#sockets.get(key);
    this.#sockets.delete(key);
    return below;
  }

  cut(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }
}

function endpointOf(socket: Socket): string | null {
  return socket.remotePort === undefined ? null : `${socket.remoteAddress} ${socket.remotePort}`;
}

function serverNameOf(socket: TLSSocket): string {
  // Typed on the client's side only; false when the client named none.
  const name: unknown = 'servername' in socket ? socket.servername : false;
  return typeof name === 'string' ? normalizeName(name) : '';
}

function bind(server: NetServer, options: ListenOptions): Promise<void> {
  const { host = '127.0.0.1', port = 0, path, backlog = 511 } = options;
  if (path === undefined) checkInteger('port', port, 0, 65_535);
  return new Promise((done, fail) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const where = path ?? `${host}:${port}`;
      const why =
        error.code === 'EADDRINUSE'
          ? 'something else listens there'
          : error.code === 'EACCES'
            ? 'no permission (ports below 1024 need privileges)'
            : error.message;
      fail(new TlsAlpnError('listen', `cannot listen on ${where}: ${why}`, error));
    };
    server.once('error', onError);
    server.listen(path === undefined ? { host, port, backlog } : { path, backlog }, () => {
      server.off('error', onError);
      done();
    });
  });
}

function addressOf(server: NetServer): ListenAddress {
  const address = server.address();
  if (address === null || typeof address === 'string') return { path: address ?? '' };
  return { host: address.address, port: address.port, family: address.family === 'IPv6' ? 'IPv6' : 'IPv4' };
}

/** A request that expects an answer, as opposed to something that is no TLS either. */
function isPlainHttp({ reason, cause }: HandshakeRefusal): boolean {
  return reason === 'not-tls' && cause !== null && 'code' in cause && cause.code === 'ERR_SSL_HTTP_REQUEST';
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function ignore(): void {
  // The owner of the socket adds its own handler; until then an error is followed by `close`, which is enough.
}
