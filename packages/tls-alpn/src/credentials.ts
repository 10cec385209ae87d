import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { messageOf, TlsAlpnError } from './errors.ts';
import { dnsNamesOf } from './names.ts';
import { unusableEcdsa } from './unusable-certificate.ts';

/** A certificate chain, leaf first, and its private key, both PEM. */
export interface Credentials {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Needed when the key is encrypted. */
  readonly passphrase?: string;
}

/** The same from files, which `SecureContexts` reads again on reload. */
export interface CredentialFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly passphrase?: string;
}

/** One certificate to serve. */
export type CertificateSource = (Credentials | CredentialFiles) & {
  /** Names it serves, exact or `*.example.com`; by default the DNS names in the certificate. */
  readonly names?: readonly string[];
};

/** What is known about a certificate being served. */
export interface CertificateInfo {
  /** Names it is selected for. */
  readonly names: readonly string[];
  readonly subject: string;
  readonly issuer: string;
  /** SHA-256 over the DER form of the leaf, upper-case hex with colons. */
  readonly fingerprint256: string;
  /** Start of validity of the leaf, milliseconds since the epoch. */
  readonly notBefore: number;
  /** First end of validity in the chain, milliseconds since the epoch: from then on clients refuse it. */
  readonly notAfter: number;
  /** The certificate's file, or `memory`. */
  readonly source: string;
}

/** A source that has been read, checked and compiled. */
export interface LoadedCertificate {
  readonly info: CertificateInfo;
  readonly context: SecureContext;
  /** What a handshake is given in place of another certificate, in this order; see `SecureContexts.overrides`. */
  readonly overrides: readonly SecureContext[];
  readonly options: SecureContextOptions;
  readonly credentials: Credentials;
  /** Kind of the key, `rsa` or `ec`. */
  readonly keyType: string;
  /** Changes when, and only when, the certificate chain or the key changes. */
  readonly digest: string;
}

/**
 * Reads, checks and compiles one source.
 *
 * @throws TlsAlpnError `certificate`, naming the file and what is wrong with it
 */
export async function loadCertificate(
  source: CertificateSource,
  base: SecureContextOptions,
): Promise<LoadedCertificate> {
  const origin = 'certFile' in source ? source.certFile : 'memory';
  const credentials =
    'certFile' in source ? { ...source, cert: await read(source.certFile), key: await read(source.keyFile) } : source;
  return compile(credentials, origin, base, source.names);
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new TlsAlpnError('certificate', `cannot read ${path}: ${messageOf(error)}`, error);
  }
}

/** Checks and compiles credentials at hand, see `loadCertificate`. */
export function compile(
  credentials: Credentials,
  origin: string,
  base: SecureContextOptions,
  names?: readonly string[],
): LoadedCertificate {
  const chain = parseChain(credentials.cert, origin);
  const leaf = chain[0]!;
  checkKey(leaf, credentials, origin);
  const options: SecureContextOptions = {
    ...base,
    cert: credentials.cert,
    key: credentials.key,
    ...(credentials.passphrase === undefined ? {} : { passphrase: credentials.passphrase }),
  };
  const context = contextOf(options, origin);
  const keyType = leaf.publicKey.asymmetricKeyType ?? 'unknown';
  return {
    info: {
      names: names ?? dnsNamesOf(leaf.subjectAltName),
      subject: leaf.subject,
      issuer: leaf.issuer,
      fingerprint256: leaf.fingerprint256,
      notBefore: Date.parse(leaf.validFrom),
      notAfter: Math.min(...chain.map(certificate => Date.parse(certificate.validTo))),
      source: origin,
    },
    context,
    overrides: keyType === 'rsa' ? [unusableEcdsa(), context] : [context],
    options,
    credentials,
    keyType,
    digest: createHash('sha256').update(credentials.cert).update('\0').update(credentials.key).digest('hex'),
  };
}

/**
 * Serves certificates whose keys are of different kinds side by side, as one: the client's signature algorithms choose
 * (RFC 8446 4.4.2.2), so new clients get the quick handshake of ECDSA and old ones still get RSA.
 */
export function combine(certificates: readonly LoadedCertificate[], base: SecureContextOptions): LoadedCertificate {
  const [first] = certificates as readonly [LoadedCertificate];
  if (certificates.length === 1) return first;
  const options: SecureContextOptions = {
    ...base,
    cert: certificates.map(({ credentials }) => credentials.cert),
    key: certificates.map(({ credentials: { key, passphrase } }) => ({
      pem: key,
      ...(passphrase === undefined ? {} : { passphrase }),
    })),
  };
  // RSA last: where the platform keeps only the last one, it is the kind that every client verifies.
  const last = certificates.filter(each => each.keyType === 'rsa');
  const overrides = [...certificates.filter(each => !last.includes(each)), ...last].map(({ context }) => context);
  return { ...first, overrides, options, context: contextOf(options, first.info.source) };
}

function contextOf(options: SecureContextOptions, origin: string): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw new TlsAlpnError('certificate', `${origin}: the TLS library refuses it: ${messageOf(error)}`, error);
  }
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function parseChain(pem: string | Buffer, origin: string): X509Certificate[] {
  const blocks = pem.toString('latin1').match(PEM_CERTIFICATE);
  if (blocks === null) throw new TlsAlpnError('certificate', `${origin}: holds no PEM certificate`);
  try {
    return blocks.map(block => new X509Certificate(block));
  } catch (error) {
    throw new TlsAlpnError('certificate', `${origin}: not a certificate: ${messageOf(error)}`, error);
  }
}

function checkKey(leaf: X509Certificate, credentials: Credentials, origin: string): void {
  const { key, passphrase } = credentials;
  const keyOrigin = 'keyFile' in credentials ? String(credentials.keyFile) : origin;
  let matches: boolean;
  try {
    matches = leaf.checkPrivateKey(createPrivateKey({ key, format: 'pem', ...(passphrase ? { passphrase } : {}) }));
  } catch (error) {
    const isEncrypted = passphrase === undefined && /ENCRYPTED/.test(key.toString('latin1'));
    const why = isEncrypted ? 'it is encrypted, and no passphrase was given' : messageOf(error);
    throw new TlsAlpnError('certificate', `${keyOrigin}: the private key cannot be read: ${why}`, error);
  }
  if (!matches) {
    throw new TlsAlpnError(
      'certificate',
      `${origin}: the private key belongs to another certificate (is the leaf the first certificate in the file?)`,
    );
  }
}
