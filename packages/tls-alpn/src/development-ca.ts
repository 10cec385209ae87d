import { createPrivateKey, generateKeyPair, randomBytes, X509Certificate } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { promisify } from 'node:util';
import { defaultCaDirectory, exportCertificate, readRoot, type StoredRoot, writeRoot } from './ca-store.ts';
import type { Credentials } from './credentials.ts';
import { checkInteger, TlsAlpnError } from './errors.ts';
import { type CertificateRequest, type Issuer, mint, type NameConstraints } from './mint.ts';
import { isDnsName, normalizeName } from './names.ts';

const generate = promisify(generateKeyPair);

const DAY_MS = 86_400_000;
const ROOT_DAYS = 3650;
/** Below the 398 days that browsers accept, and short enough that a forgotten leaf does no harm. */
const LEAF_DAYS = 90;
/** A clock that is a little behind must not reject a certificate made a second ago. */
const BACKDATE_MS = 3_600_000;
/** Certificates kept per authority. Names come from clients, so the number must be bounded. */
const MAX_CACHED = 128;

/**
 * Names a new root may sign for: those that only mean this machine or a private network (RFC 6761, RFC 8375, and
 * `.internal`, which is reserved for private use), and the loopback addresses. A suffix covers every name below it.
 */
export const DEFAULT_NAME_CONSTRAINTS: NameConstraints = {
  dns: ['localhost', 'test', 'local', 'internal', 'home.arpa'],
  ip: ['127.0.0.0/8', '::1/128'],
};

/** Options of `DevelopmentCa.open`. */
export interface DevelopmentCaOptions {
  /** Where the root is kept. Default `defaultCaDirectory()`. Created with mode 0700. */
  readonly directory?: string;
  /** What the root may sign for, fixed when it is made. Default `DEFAULT_NAME_CONSTRAINTS`. */
  readonly permitted?: NameConstraints;
  /** The clock, milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

/** What to issue. */
export interface IssueOptions {
  /** DNS names (`*.` wildcards too) and IP addresses of a server certificate. */
  readonly names: readonly string[];
  /** Validity. Default 90, range 1 to 397. */
  readonly days?: number;
}

interface Cached {
  readonly credentials: Promise<Credentials>;
  /** When to make a new one: two thirds into its validity. */
  readonly renewAt: number;
}

/**
 * A certificate authority on the developer's own machine, for `https://localhost` without warnings. Its root is RSA with
 * critical name constraints: even its stolen key cannot speak for a public site. Leaves are ECDSA P-256, made per
 * server name and kept in memory only.
 *
 * Nothing here touches a trust store. `rootCertificatePath` is the file to import, or to pass to `curl --cacert`.
 */
export class DevelopmentCa {
  /** Directory of the root's files. */
  readonly directory: string;
  /** PEM file of the root certificate, without its key. */
  readonly rootCertificatePath: string;
  /** The root certificate, PEM. */
  readonly rootCertificate: string;
  /** SHA-256 over the root's DER form, upper-case hex with colons. */
  readonly fingerprint256: string;
  /** End of the root's validity, milliseconds since the epoch. */
  readonly notAfter: number;
  /** True when this call made the root, so that it has to be trusted (again). */
  readonly created: boolean;
  /** What the root may sign for. */
  readonly permitted: NameConstraints;
  readonly #issuer: Issuer;
  readonly #now: () => number;
  readonly #networks: BlockList;
  readonly #cache: Map<string, Cached> = new Map();

  private constructor(directory: string, path: string, root: StoredRoot, created: boolean, now: () => number) {
    const certificate = new X509Certificate(root.certificate);
    this.directory = directory;
    this.rootCertificatePath = path;
    this.rootCertificate = root.certificate;
    this.fingerprint256 = certificate.fingerprint256;
    this.notAfter = Date.parse(certificate.validTo);
    this.created = created;
    this.permitted = root.permitted;
    this.#issuer = { commonName: commonNameOf(certificate), privateKey: createPrivateKey(root.key) };
    this.#now = now;
    this.#networks = networksOf(root.permitted.ip);
  }

  /**
   * Opens the authority in a directory, making it on first use or when the old one has expired.
   *
   * @throws TlsAlpnError `permission` when others can read the key, `certificate` when the files are damaged,
   *   `option` when `permitted` is wrong or differs from what the existing root was made for
   */
  static async open(options: DevelopmentCaOptions = {}): Promise<DevelopmentCa> {
    const { directory = defaultCaDirectory(), permitted, now = Date.now } = options;
    if (permitted !== undefined) checkConstraints(permitted);
    const stored = await readRoot(directory);
    const usable = stored !== null && Date.parse(new X509Certificate(stored.certificate).validTo) > now();
    if (usable && permitted !== undefined && !sameConstraints(permitted, stored.permitted)) {
      const made = [...stored.permitted.dns, ...stored.permitted.ip].join(', ');
      const message = `permitted: the authority in ${directory} was made for ${made}; use another directory or delete it`;
      throw new TlsAlpnError('option', message);
    }
    let root = stored;
    let created = false;
    if (root === null || !usable) {
      const fresh = await makeRoot(permitted ?? DEFAULT_NAME_CONSTRAINTS, now());
      root = await writeRoot(directory, fresh, stored !== null);
      created = root === fresh;
    }
    const path = await exportCertificate(directory, root.certificate);
    return new DevelopmentCa(directory, path, root, created, now);
  }

  /** Whether the root's name constraints allow a DNS name, wildcard or IP address. */
  permits(name: string): boolean {
    const family = isIP(name);
    if (family !== 0) return this.#networks.check(name, family === 6 ? 'ipv6' : 'ipv4');
    const normal = normalizeName(name);
    if (!isDnsName(normal, true)) return false;
    const host = normal.startsWith('*.') ? normal.slice(2) : normal;
    return this.permitted.dns.some(suffix => host === suffix || host.endsWith(`.${suffix}`));
  }

  /**
   * A certificate for a server name, made once and renewed in time; null when the constraints do not allow the name.
   * The one for `localhost` also covers 127.0.0.1 and ::1, where clients send no server name. An arrow function, to be
   * given to `SecureContexts` as `onDemand`.
   */
  readonly credentialsFor = async (servername: string): Promise<Credentials | null> => {
    const name = normalizeName(servername);
    if (!this.permits(name)) return null;
    const now = this.#now();
    const cached = this.#cache.get(name);
    if (cached !== undefined && now < cached.renewAt) return cached.credentials;
    const names = name === 'localhost' ? ['localhost', '127.0.0.1', '::1'].filter(each => this.permits(each)) : [name];
    const credentials = this.issue({ names });
    this.#cache.delete(name);
    this.#cache.set(name, { credentials, renewAt: now + (LEAF_DAYS * DAY_MS * 2) / 3 });
    if (this.#cache.size > MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value as string);
    // A failure is not kept.
    credentials.catch(() => this.#cache.delete(name));
    return credentials;
  };

  /**
   * Issues a server certificate.
   *
   * @throws TlsAlpnError `name-not-permitted`, or `option`
   */
  async issue({ names, days = LEAF_DAYS }: IssueOptions): Promise<Credentials> {
    checkInteger('days', days, 1, 397);
    if (names.length === 0) throw new TlsAlpnError('option', 'names must hold at least one name');
    for (const name of names) {
      if (this.permits(name)) continue;
      const allowed = [...this.permitted.dns.map(suffix => `*.${suffix}`), ...this.permitted.ip].join(', ');
      throw new TlsAlpnError('name-not-permitted', `the development CA cannot sign for "${name}", only for ${allowed}`);
    }
    const purpose = { kind: 'server', names: names.map(normalizeName) } as const;
    return this.#issue('Glassway development certificate', purpose, days);
  }

  /** Issues a client certificate, to try mutual TLS. `days`: default 90, range 1 to 397. */
  async issueClient(commonName: string, days: number = LEAF_DAYS): Promise<Credentials> {
    checkInteger('days', days, 1, 397);
    if (commonName.length < 1 || commonName.length > 64) {
      throw new TlsAlpnError('option', 'commonName must have 1 to 64 characters (RFC 5280 appendix A.1)');
    }
    return this.#issue(commonName, { kind: 'client' }, days);
  }

  async #issue(commonName: string, purpose: CertificateRequest['purpose'], days: number): Promise<Credentials> {
    const { publicKey, privateKey } = await generate('ec', { namedCurve: 'P-256' });
    const now = this.#now();
    const request: CertificateRequest = {
      commonName,
      publicKey,
      purpose,
      notBefore: now - BACKDATE_MS,
      notAfter: Math.min(now + days * DAY_MS, this.notAfter),
    };
    const cert = await mint(request, this.#issuer);
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }
}

async function makeRoot(permitted: NameConstraints, now: number): Promise<StoredRoot> {
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: 3072 });
  // Roots on different machines must not share a subject, or a trust store mixes them up.
  const commonName = `Glassway development CA ${randomBytes(4).toString('hex')}`;
  const request: CertificateRequest = {
    commonName,
    publicKey,
    notBefore: now - BACKDATE_MS,
    notAfter: now + ROOT_DAYS * DAY_MS,
    purpose: { kind: 'authority', constraints: permitted },
  };
  const certificate = await mint(request, { commonName, privateKey });
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate, permitted };
}

function commonNameOf(certificate: X509Certificate): string {
  return /^CN=(.+)$/m.exec(certificate.subject)?.[1] ?? '';
}

function checkConstraints({ dns, ip }: NameConstraints): void {
  if (dns.length === 0 || ip.length === 0) {
    // An absent kind would not be constrained at all (RFC 5280 4.2.1.10).
    throw new TlsAlpnError('option', 'permitted must name at least one DNS suffix and one IP network');
  }
  for (const suffix of dns) {
    if (suffix !== normalizeName(suffix) || !isDnsName(suffix, false)) {
      throw new TlsAlpnError('option', `permitted.dns: "${suffix}" is not a lower-case DNS suffix such as "test"`);
    }
  }
  networksOf(ip);
}

function networksOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/');
    const family = isIP(address);
    if (family === 0 || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) {
      throw new TlsAlpnError('option', `permitted.ip: "${network}" is not a network such as "127.0.0.0/8"`);
    }
    list.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

function sameConstraints(a: NameConstraints, b: NameConstraints): boolean {
  const text = ({ dns, ip }: NameConstraints): string => [...dns].sort().join() + [...ip].sort().join();
  return text(a) === text(b);
}
