/// <reference types="node" preserve="true" />
/**
 * TLS with ALPN for Node: listeners and dialers that end in `{ socket, protocol }`, certificates selected by server name and
 * reloaded without dropping a socket, the cipher policy of RFC 9113, and a development certificate authority.
 *
 *     ClientHello -> listen -> SecureContexts.select(name) -> handshake -> onSocket({ socket, protocol, ... })
 *                                   ^          ^                   \-> onRefused({ reason, ... })
 *                              files, reload   DevelopmentCa (on demand)
 *
 * Nothing here knows HTTP: a protocol is an ALPN name, and the caller decides what to speak.
 *
 * @module
 */

export { CERTIFICATE_FILE, defaultCaDirectory, KEY_FILE } from './ca-store.ts';
export type { CertificateWarning } from './certificate-warnings.ts';
export { type CipherPolicy, type CipherPolicyName, cipherPolicy, isForbiddenForH2 } from './cipher-policy.ts';
export type { CertificateInfo, CertificateSource, CredentialFiles, Credentials } from './credentials.ts';
export {
  DEFAULT_NAME_CONSTRAINTS,
  DevelopmentCa,
  type DevelopmentCaOptions,
  type IssueOptions,
} from './development-ca.ts';
export { type DialedSocket, type DialOptions, dial } from './dial.ts';
export { TlsAlpnError, type TlsAlpnErrorCode } from './errors.ts';
export type { KeyLog } from './key-log.ts';
export { type AcceptedSocket, type ListenAddress, type ListenOptions, listen, type TlsListener } from './listen.ts';
export type { NameConstraints } from './mint.ts';
export type { HandshakeRefusal, RefusalReason } from './refusal.ts';
export { SecureContexts, type SecureContextsOptions } from './secure-contexts.ts';
export type { PeerCertificate, TlsDetails } from './tls-details.ts';
