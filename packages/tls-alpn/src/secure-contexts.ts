import { readFile } from 'node:fs/promises';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { type CertificateWarning, warningsFor } from './certificate-warnings.ts';
import { type CipherPolicyName, cipherPolicy } from './cipher-policy.ts';
import {
  type CertificateInfo,
  type CertificateSource,
  type Credentials,
  combine,
  compile,
  type LoadedCertificate,
  loadCertificate,
} from './credentials.ts';
import { checkInteger, messageOf, TlsAlpnError } from './errors.ts';
import { isDnsName, NameTable, normalizeName } from './names.ts';

/** Options of `SecureContexts.load`. */
export interface SecureContextsOptions {
  /**
   * Certificates to serve. The first is the default, for clients that send no server name or one nobody serves. Two for the
   * same names, one with an RSA and one with an ECDSA key, are served side by side.
   */
  readonly certificates?: readonly CertificateSource[];
  /**
   * Makes a certificate for a server name that `certificates` do not cover, or returns null. With no `certificates` it
   * also makes the default one, for `localhost`. `DevelopmentCa.credentialsFor` fits.
   */
  readonly onDemand?: (servername: string) => Promise<Credentials | null>;
  /** What happens to a server name that nothing covers. Default `default`: the default certificate is shown. */
  readonly unknownName?: 'default' | 'refuse';
  /** Suites and versions. Default `modern`. */
  readonly ciphers?: CipherPolicyName;
  /** Authorities (PEM) that sign acceptable client certificates; needed to ask clients for certificates. */
  readonly clientCa?: string | Buffer;
  /** The same from a file, read again on reload. */
  readonly clientCaFile?: string;
  /** Warn this many days before a certificate ends. Default 14, range 0 to 365. */
  readonly warnBeforeDays?: number;
  /** Told about each warning once per certificate: at load, on reload, and while watching. */
  readonly onWarning?: (warning: CertificateWarning) => void;
  /** The clock, milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

/** One generation of certificates; a reload replaces it as a whole. */
interface Generation {
  readonly table: NameTable<LoadedCertificate>;
  readonly loaded: readonly LoadedCertificate[];
  readonly fallback: LoadedCertificate;
  readonly digest: string;
}

/** Contexts made on demand that are kept. Names come from clients, so the number must be bounded. */
const MAX_ON_DEMAND = 128;

/**
 * The certificates of a listener, selected by server name: exact, then wildcard, then made on demand, then the default.
 *
 * Commands: `reload`, `replace`, `watch`, `onChange`. Getters: `certificates`, `warnings`, `acceptsClientCertificates`. For
 * listeners: `overrides`, `select`, `defaultOptions`.
 */
export class SecureContexts {
  #options: SecureContextsOptions;
  readonly #now: () => number;
  readonly #warnBeforeDays: number;
  readonly #onDemand: Map<string, LoadedCertificate> = new Map();
  readonly #listeners: Set<() => void> = new Set();
  readonly #warned: Set<string> = new Set();
  #generation: Generation;
  /** Context options shared by every certificate: the cipher policy and the client authorities. */
  #base: SecureContextOptions;
  #reloading: Promise<boolean> | null = null;

  private constructor(options: SecureContextsOptions, base: SecureContextOptions, generation: Generation) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#warnBeforeDays = options.warnBeforeDays ?? 14;
    this.#base = base;
    this.#generation = generation;
    this.#report();
  }

  /**
   * Reads and checks every certificate.
   *
   * @throws TlsAlpnError `certificate` when one cannot be used, `option` when there is none or an option is wrong
   */
  static async load(options: SecureContextsOptions): Promise<SecureContexts> {
    if (options.warnBeforeDays !== undefined) checkInteger('warnBeforeDays', options.warnBeforeDays, 0, 365);
    if ((options.certificates?.length ?? 0) === 0 && options.onDemand === undefined) {
      throw new TlsAlpnError('option', 'SecureContexts needs certificates, onDemand, or both');
    }
    const base = await loadBase(options);
    return new SecureContexts(options, base, await loadGeneration(options, base));
  }

  /** What is served now, the default first. Certificates made on demand are not listed. */
  get certificates(): readonly CertificateInfo[] {
    return this.#generation.loaded.map(entry => entry.info);
  }

  /** The warnings that hold now. */
  get warnings(): readonly CertificateWarning[] {
    const now = this.#now();
    return this.certificates.flatMap(info => warningsFor(info, now, this.#warnBeforeDays));
  }

  /** True when authorities for client certificates are configured. */
  get acceptsClientCertificates(): boolean {
    return this.#base.ca !== undefined;
  }

  /** Context options of the default certificate, for a client that sends no server name. */
  get defaultOptions(): SecureContextOptions {
    return this.#generation.fallback.options;
  }

  /** The context for a server name; null when the name is to be refused. */
  async select(servername: string): Promise<SecureContext | null> {
    return (await this.#find(servername))?.context ?? null;
  }

  /**
   * What a handshake by server name is given over the default certificate, in order, a context for each kind of key; none
   * where the default certificate is the one; null when the name is to be refused.
   */
  async overrides(servername: string): Promise<readonly SecureContext[] | null> {
    const found = await this.#find(servername);
    if (found === null) return null;
    return found === this.#generation.fallback ? [] : found.overrides;
  }

  async #find(servername: string): Promise<LoadedCertificate | null> {
    const { table, fallback } = this.#generation;
    const name = normalizeName(servername);
    const found = table.find(name) ?? (await this.#make(name));
    if (found !== null) return found;
    return this.#options.unknownName === 'refuse' ? null : fallback;
  }

  async #make(name: string): Promise<LoadedCertificate | null> {
    if (this.#options.onDemand === undefined || !isDnsName(name, false)) return null;
    const credentials = await this.#options.onDemand(name);
    if (credentials === null) return null;
    const kept = this.#onDemand.get(name);
    this.#onDemand.delete(name);
    // The maker renews its certificates; the same object means the same certificate.
    const loaded = kept?.credentials === credentials ? kept : compile(credentials, 'memory', this.#base, [name]);
    this.#onDemand.set(name, loaded);
    if (this.#onDemand.size > MAX_ON_DEMAND) this.#onDemand.delete(this.#onDemand.keys().next().value as string);
    return loaded;
  }

  /**
   * Reads the files again. New handshakes get the new certificates, open sockets keep theirs. All or nothing: when
   * one file is wrong, everything stays as it was.
   *
   * @returns true when something changed
   * @throws TlsAlpnError `certificate`
   */
  reload(): Promise<boolean> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = null;
    });
    return this.#reloading;
  }

  /**
   * Serves other certificates from now on, and reads these on reload. All or nothing, as with `reload`.
   *
   * @returns true when something changed
   * @throws TlsAlpnError `certificate`, or `option` when there is none
   */
  async replace(certificates: readonly CertificateSource[]): Promise<boolean> {
    await this.#reloading?.catch(() => {});
    const options = { ...this.#options, certificates };
    if (certificates.length === 0 && options.onDemand === undefined) {
      throw new TlsAlpnError('option', 'SecureContexts needs certificates, onDemand, or both');
    }
    this.#reloading = this.#reload(options).finally(() => {
      this.#reloading = null;
    });
    return this.#reloading;
  }

  async #reload(options: SecureContextsOptions = this.#options): Promise<boolean> {
    const base = await loadBase(options);
    const generation = await loadGeneration(options, base);
    this.#options = options;
    if (generation.digest === this.#generation.digest) return false;
    this.#base = base;
    this.#generation = generation;
    this.#onDemand.clear();
    for (const listener of this.#listeners) listener();
    this.#report();
    return true;
  }

  /**
   * Reloads when a file changes and warns as certificates age, by reading the files at an interval: unlike change
   * events of the file system this sees mounted secrets, network file systems and swapped symbolic links.
   * A failure is reported once, as `reload-failed`, when two reads in a row fail the same way, since a certificate and
   * its key are seldom replaced at the same instant.
   *
   * @param intervalMs default 5000, range 50 to 86400000
   * @returns a function that stops watching
   */
  watch(intervalMs = 5000): () => void {
    checkInteger('intervalMs', intervalMs, 50, 86_400_000);
    let lastFailure = '';
    let reported = '';
    const look = async (): Promise<void> => {
      try {
        await this.reload();
        lastFailure = '';
        reported = '';
        this.#report();
      } catch (error) {
        const failure = messageOf(error);
        if (failure === lastFailure && failure !== reported) {
          reported = failure;
          const message = `certificates not reloaded, the previous ones stay in service: ${failure}`;
          this.#options.onWarning?.({ kind: 'reload-failed', message, certificate: null });
        }
        lastFailure = failure;
      }
    };
    let timer: NodeJS.Timeout | null = null;
    let stopped = false;
    const schedule = (): void => {
      if (stopped) return;
      timer = setTimeout(() => void look().finally(schedule), intervalMs);
      timer.unref();
    };
    schedule();
    return () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
    };
  }

  /** Calls `listener` after every reload that changed something; returns a function that ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #report(): void {
    const { onWarning } = this.#options;
    if (onWarning === undefined) return;
    for (const warning of this.warnings) {
      const key = `${warning.kind} ${warning.certificate?.fingerprint256}`;
      if (this.#warned.has(key)) continue;
      this.#warned.add(key);
      onWarning(warning);
    }
  }
}

async function loadBase(options: SecureContextsOptions): Promise<SecureContextOptions> {
  const policy = cipherPolicy(options.ciphers);
  const ca =
    options.clientCaFile === undefined
      ? options.clientCa
      : await readFile(options.clientCaFile).catch((error: unknown) => {
          const message = `cannot read ${options.clientCaFile}: ${messageOf(error)}`;
          throw new TlsAlpnError('certificate', message, error);
        });
  return ca === undefined ? policy : { ...policy, ca };
}

async function loadGeneration(options: SecureContextsOptions, base: SecureContextOptions): Promise<Generation> {
  const loaded: LoadedCertificate[] = [];
  for (const source of options.certificates ?? []) {
    for (const name of source.names ?? []) {
      if (!isDnsName(normalizeName(name), true)) {
        throw new TlsAlpnError('option', `names: "${name}" is neither a host name nor "*." and a host name`);
      }
    }
    loaded.push(await loadCertificate(source, base));
  }
  if (loaded.length === 0) {
    const credentials = await options.onDemand?.('localhost');
    if (credentials == null) {
      throw new TlsAlpnError('option', 'onDemand must make a certificate for localhost when certificates is empty');
    }
    loaded.push(compile(credentials, 'memory', base));
  }
  const served = groupByNames(loaded).map(group => combine(group, base));
  const table = new NameTable<LoadedCertificate>();
  for (const entry of served) {
    for (const name of entry.info.names) table.add(normalizeName(name), entry);
  }
  const digest = [...loaded.map(entry => `${entry.digest}${entry.info.names.join()}`), base.ca?.toString() ?? ''].join(
    ' ',
  );
  return { table, loaded, fallback: served[0]!, digest };
}

/** Certificates for the same names with keys of different kinds belong together; of one kind the first one counts. */
function groupByNames(loaded: readonly LoadedCertificate[]): LoadedCertificate[][] {
  const groups = new Map<string, LoadedCertificate[]>();
  for (const entry of loaded) {
    const key = entry.info.names.map(normalizeName).sort().join(' ');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else if (group.every(each => each.keyType !== entry.keyType)) group.push(entry);
  }
  return [...groups.values()];
}
