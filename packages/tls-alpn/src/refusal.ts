import type { TLSSocket } from 'node:tls';
import { authorizationErrorOf } from './tls-details.ts';

/** Why a handshake did not become a connection. */
export type RefusalReason =
  | 'handshake-timeout'
  | 'no-application-protocol'
  | 'no-shared-cipher'
  | 'unsupported-version'
  | 'unknown-servername'
  | 'client-certificate-missing'
  | 'client-certificate-untrusted'
  | 'client-alert'
  | 'client-closed'
  | 'not-tls'
  | 'handshake-failed';

/** A handshake that failed or was refused; the socket is gone already. */
export interface HandshakeRefusal {
  readonly reason: RefusalReason;
  /** A sentence a person can act on. */
  readonly message: string;
  /** The client's address; empty when it is no longer known. */
  readonly remoteAddress: string;
  /** The client's port; 0 when it is no longer known. */
  readonly remotePort: number;
  /** Server name from the ClientHello; empty when there was none. */
  readonly servername: string;
  /** The platform's error; null when this package refused. */
  readonly cause: Error | null;
}

/** OpenSSL and Node codes with an exact meaning. */
const BY_CODE: ReadonlyMap<string, readonly [RefusalReason, string]> = new Map([
  ['ERR_TLS_HANDSHAKE_TIMEOUT', ['handshake-timeout', 'the handshake took too long']],
  ['ECONNRESET', ['client-closed', 'the client closed the connection during the handshake']],
  ['EPIPE', ['client-closed', 'the client closed the connection during the handshake']],
  [
    'ERR_SSL_NO_APPLICATION_PROTOCOL',
    ['no-application-protocol', 'the client offered no protocol that is served here'],
  ],
  ['ERR_SSL_NO_SHARED_CIPHER', ['no-shared-cipher', 'the client offered no acceptable cipher suite']],
  ['ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM', ['no-shared-cipher', 'the client cannot verify this kind of key']],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', ['unsupported-version', 'the client speaks no TLS version from 1.2 on']],
  ['ERR_SSL_VERSION_TOO_LOW', ['unsupported-version', 'the client speaks no TLS version from 1.2 on']],
  ['ERR_SSL_HTTP_REQUEST', ['not-tls', 'the client sent plain HTTP to a TLS port (use https://)']],
  ['ERR_SSL_HTTPS_PROXY_REQUEST', ['not-tls', 'the client sent a plain CONNECT request to a TLS port']],
  ['ERR_SSL_WRONG_VERSION_NUMBER', ['not-tls', 'the client does not speak TLS']],
  ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', ['client-certificate-missing', 'the client showed no certificate']],
]);

/** Given to the TLS layer to refuse a server name that no certificate covers. */
export class UnknownServerName extends Error {
  /** The name the client asked for. */
  readonly servername: string;

  constructor(servername: string) {
    super(`no certificate covers "${servername}"`);
    this.servername = servername;
  }
}

/** Puts a failed handshake into words. */
export function classifyRefusal(error: Error, socket: TLSSocket): HandshakeRefusal {
  if (error instanceof UnknownServerName) {
    return { ...refusal('unknown-servername', error.message, socket, null), servername: error.servername };
  }
  // Node cuts a client whose certificate does not verify without an error of its own; only this mark is left.
  if (socket.authorizationError) {
    const why = authorizationErrorOf(socket);
    return refusal('client-certificate-untrusted', `the client's certificate was refused: ${why}`, socket, null);
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = BY_CODE.get(code);
  if (known !== undefined) return refusal(known[0], known[1], socket, error);
  const alert = /ALERT_(.+)$/.exec(code);
  if (alert !== null) {
    const name = alert[1]!.toLowerCase();
    const hint = name === 'unknown_ca' || name === 'certificate_unknown' ? ' (does it trust the authority?)' : '';
    return refusal('client-alert', `the client refused the handshake: ${name}${hint}`, socket, error);
  }
  return refusal('handshake-failed', `the handshake failed: ${code || error.message}`, socket, error);
}

/** Makes the record of a refusal. */
export function refusal(
  reason: RefusalReason,
  message: string,
  socket: TLSSocket,
  cause: Error | null,
): HandshakeRefusal {
  // `servername` is false or absent when the client named none.
  const servername: unknown = 'servername' in socket ? socket.servername : '';
  return {
    reason,
    message,
    remoteAddress: socket.remoteAddress ?? '',
    remotePort: socket.remotePort ?? 0,
    servername: typeof servername === 'string' ? servername : '',
    cause,
  };
}
