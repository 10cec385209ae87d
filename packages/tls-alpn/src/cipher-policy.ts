import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

/**
 * Which TLS versions and suites are offered. Node's own default list lets HTTP/2 negotiate suites that
 * RFC 9113 Appendix A prohibits (CBC and static RSA), so both policies here carry a list of their own.
 */

/**
 * `modern`: TLS 1.3 and the ephemeral AEAD suites of TLS 1.2; nothing of Appendix A can be negotiated, with any
 * protocol. `compatible`: also CBC suites with ephemeral keys, for HTTP/1.1 clients that know nothing better; HTTP/2 on
 * such a suite must then be refused after the handshake, see `isForbiddenForH2`.
 */
export type CipherPolicyName = 'modern' | 'compatible';

/** The part of a secure context that a policy decides. */
export type CipherPolicy = Pick<SecureContextOptions, 'ciphers' | 'minVersion' | 'maxVersion' | 'secureOptions'>;

const TLS13_SUITES: readonly string[] = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
];

/** RFC 9113 9.2.2: ECDHE_RSA with AES_128_GCM_SHA256 MUST be supported; it heads the list beside its ECDSA twin. */
const TLS12_SUITES: readonly string[] = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];

/** Still forward secret, but CBC: all of these are in RFC 9113 Appendix A. Last, so that they are a last resort. */
const COMPATIBLE_SUITES: readonly string[] = [
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
];

/**
 * RFC 9113 9.2.1: compression and renegotiation MUST be disabled. The server's order rules, except that a client which
 * prefers ChaCha20 (it has no AES hardware) gets it.
 */
const SECURE_OPTIONS: number =
  constants.SSL_OP_NO_COMPRESSION |
  constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
  constants.SSL_OP_PRIORITIZE_CHACHA;

/** The context options of a policy: TLS 1.2 is the floor (RFC 9113 9.2), TLS 1.3 is preferred. */
export function cipherPolicy(name: CipherPolicyName = 'modern'): CipherPolicy {
  const tls12 = name === 'compatible' ? [...TLS12_SUITES, ...COMPATIBLE_SUITES] : TLS12_SUITES;
  return {
    ciphers: [...TLS13_SUITES, ...tls12].join(':'),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    secureOptions: SECURE_OPTIONS,
  };
}

/** Key exchange that is ephemeral. `PSK_DHE` is how IANA spells the ephemeral pre-shared-key CCM_8 suites. */
const EPHEMERAL = /^TLS_(?:EC)?DHE_|^TLS_PSK_DHE_/;
/** Authenticated encryption. `CCM_8` and `CCM_8_SHA256` are CCM with a short tag, equally outside Appendix A. */
const AEAD = /_(?:GCM_SHA\d+|CCM(?:_8)?(?:_SHA\d+)?|CHACHA20_POLY1305_SHA256)$/;

/**
 * Whether RFC 9113 9.2 forbids HTTP/2 on this handshake: TLS older than 1.2, or a TLS 1.2 suite of Appendix A. Such
 * a connection is refused with INADEQUATE_SECURITY.
 *
 * Appendix A is, by its own words, the TLS 1.2 suites without ephemeral key exchange or without AEAD. The test walks the
 * whole list and the suites outside it, because a peer must not be refused for one of those (9.2.2).
 *
 * @param standardName the IANA name, `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`, as in `getCipher().standardName`
 * @param version `TLSv1.2`, `TLSv1.3`, ... as in `getProtocol()`
 */
export function isForbiddenForH2(standardName: string, version: string): boolean {
  if (version === 'TLSv1.3') return false;
  if (version !== 'TLSv1.2') return true;
  return !(EPHEMERAL.test(standardName) && AEAD.test(standardName));
}
