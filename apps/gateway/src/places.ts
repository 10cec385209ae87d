/** From settings to what listeners are opened with. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type CredentialFiles, type HandshakeRefusal, SecureContexts } from '@glassway/tls-alpn';
import { type CertificateSettings, certificatesOf, type Settings, UsageProblem } from './config/settings.ts';
import type { HttpsOptions, Places } from './listener/listeners.ts';
import type { Logger } from './log.ts';
import { failedIn } from './problems.ts';

/** What is not a setting of the user's. */
export interface PlacesOptions {
  /** Where the development authority is kept. Default: the user's own place. */
  readonly developmentCaDirectory?: string;
  /** 48 octets that session tickets are made with when no file has them, the same in processes that share a port. Default: random. */
  readonly ticketKeys?: Buffer;
}

/** What of TLS does not change with the address. */
type Tls = Omit<HttpsOptions, 'host' | 'port' | 'path'>;

/** Where a gateway listens, and with what. What TLS needs is read when it is first listened on, whatever the address. */
export class PlacesOf {
  readonly #options: PlacesOptions;
  readonly #logger: Logger;
  /** What to do at the end. */
  readonly #undo: (() => Promise<unknown>)[];
  #tls: Tls | null = null;

  constructor(options: PlacesOptions, logger: Logger, undo: (() => Promise<unknown>)[]) {
    this.#options = options;
    this.#logger = logger;
    this.#undo = undo;
  }

  /** The user's certificates; null: there are none, or nobody has listened with TLS so far. */
  get contexts(): SecureContexts | null {
    return this.#tls?.contexts ?? null;
  }

  /** True: TLS has been listened on, and gets its certificates in one way for good. */
  get hasTls(): boolean {
    return this.#tls !== null;
  }

  /** What to open. Throws when a file cannot be used. */
  async of(settings: Settings): Promise<Places> {
    const { http, https } = settings;
    const places = http === null ? {} : { http: { ...http, onError: this.#onError } };
    if (https === null) return places;
    const tls = this.#tls ?? (await this.#readTls(settings));
    // Where tickets stand for client certificates they must not outlive the authorities, which may have changed meanwhile.
    const { ticketKeys: _, ...withoutTickets } = tls;
    this.#tls = (tls.clientCertificates ?? 'off') === 'off' ? tls : withoutTickets;
    return { ...places, https: { ...tls, ...https } };
  }

  /** The user's certificates are watched for changes; without any, the development authority makes them by name. */
  async #readTls(settings: Settings): Promise<Tls> {
    const { clientCertificates, keyLog, ticketKeyFile } = settings;
    const { ticketKeys, developmentCaDirectory } = this.#options;
    const common = {
      ...(keyLog === null ? {} : { keyLog }),
      // Our own, so that a listener that moves takes the tickets of before.
      ticketKeys:
        ticketKeyFile === null ? (ticketKeys ?? randomBytes(TICKET_KEY_OCTETS)) : await readTicketKeys(ticketKeyFile),
      onError: this.#onError,
      onRefused: ({ remoteAddress, remotePort, message }: HandshakeRefusal) =>
        this.#logger.debug(`TLS with ${remoteAddress}:${remotePort} failed: ${message}`),
    };
    const certificates = certificatesOf(settings);
    if (certificates.length === 0) {
      return developmentCaDirectory === undefined ? common : { ...common, developmentCaDirectory };
    }
    const contexts = await SecureContexts.load({
      certificates: credentialFiles(certificates),
      ...(clientCertificates.ca === null ? {} : { clientCaFile: clientCertificates.ca }),
      onWarning: warning => this.#logger.warn(warning.message),
    }).catch(failedIn('certificate'));
    const stopWatching = contexts.watch();
    this.#undo.push(async () => stopWatching());
    return { ...common, contexts, clientCertificates: clientCertificates.mode };
  }

  /** A connection could not be accepted; those that are open go on. */
  readonly #onError = (error: Error): void => {
    const isOutOfFiles = 'code' in error && error.code === 'EMFILE';
    this.#logger.error(
      `listener: ${error.message}${isOutOfFiles ? ' (raise the limit of open files: ulimit -n)' : ''}`,
    );
  };
}

/** Certificates of the settings as TLS takes them. */
export function credentialFiles(certificates: readonly CertificateSettings[]): readonly CredentialFiles[] {
  return certificates.map(({ cert, key, ...names }) => ({ certFile: cert, keyFile: key, ...names }));
}

const TICKET_KEY_OCTETS = 48;

async function readTicketKeys(path: string): Promise<Buffer> {
  const keys = await readFile(path).catch((error: Error) => {
    throw new UsageProblem(`ticketKeyFile: cannot read ${path}: ${error.message}`);
  });
  if (keys.length === TICKET_KEY_OCTETS) return keys;
  throw new UsageProblem(
    `ticketKeyFile: ${path} has ${keys.length} octets and must have ${TICKET_KEY_OCTETS} (head -c 48 /dev/urandom)`,
  );
}
