import type { TLSSocket } from 'node:tls';
import { isForbiddenForH2 } from './cipher-policy.ts';

/** The certificate a peer showed, with the verdict on it. */
export interface PeerCertificate {
  /** Distinguished name, one `key=value` per line, as Node prints it. */
  readonly subject: string;
  readonly issuer: string;
  /** SHA-256 over the DER form, upper-case hex with colons. */
  readonly fingerprint256: string;
  /** Subject alternative names as Node prints them, `DNS:localhost, IP Address:127.0.0.1`; empty when there are none. */
  readonly subjectAltName: string;
  /** End of validity, milliseconds since the epoch. */
  readonly notAfter: number;
  /** True when it chains to an accepted authority (and, for `dial`, names the host). */
  readonly authorized: boolean;
  /** Why it is not authorized, `DEPTH_ZERO_SELF_SIGNED_CERT` and the like; null when it is. */
  readonly error: string | null;
}

/** What a finished handshake agreed on. */
export interface TlsDetails {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly version: string;
  /** IANA name of the suite, `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /** True when RFC 9113 9.2 forbids HTTP/2 on it: answer with INADEQUATE_SECURITY. Never true under the `modern` policy. */
  readonly forbiddenForH2: boolean;
  /** True when an earlier session was resumed. */
  readonly resumed: boolean;
  /** The peer's certificate; null when it showed none. */
  readonly peerCertificate: PeerCertificate | null;
}

/** Reads the agreed parameters off a socket whose handshake is done. `withPeer` false skips the peer's certificate. */
export function describeTls(socket: TLSSocket, withPeer: boolean): TlsDetails {
  const version = socket.getProtocol() ?? 'unknown';
  const cipher = socket.getCipher().standardName;
  return {
    version,
    cipher,
    forbiddenForH2: isForbiddenForH2(cipher, version),
    resumed: socket.isSessionReused(),
    peerCertificate: withPeer ? describePeer(socket) : null,
  };
}

function describePeer(socket: TLSSocket): PeerCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    fingerprint256: certificate.fingerprint256,
    subjectAltName: certificate.subjectAltName ?? '',
    notAfter: Date.parse(certificate.validTo),
    authorized: socket.authorized,
    error: socket.authorized ? null : authorizationErrorOf(socket),
  };
}

/** Node types `authorizationError` as an Error but stores the code as a string. */
export function authorizationErrorOf(socket: TLSSocket): string {
  const error: unknown = socket.authorizationError;
  if (error === null || error === undefined) return 'unauthorized';
  if (typeof error === 'object' && 'code' in error && typeof error.code === 'string') return error.code;
  return String(error);
}
