/** `glassway doctor`: looks at everything that could be in the way, changes nothing, and says how to put it right. */
import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CERTIFICATE_FILE, defaultCaDirectory, KEY_FILE, SecureContexts } from '@glassway/tls-alpn';
import { type BindAddress, formatAddress } from '../config/address.ts';
import { certificatesOf, type Settings } from '../config/settings.ts';
import { findInspectorPage } from '../inspector-page.ts';
import { credentialFiles } from '../places.ts';
import { NO_TRACE } from '../trace/trace.ts';
import { probe } from '../upstream/backend.ts';
import { Pools } from '../upstream/pools.ts';

/** What a check found. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  readonly text: string;
  /** What to do about it; empty when nothing. */
  readonly fix: string;
}

/** Open files below which a busy gateway runs out: two per request at least. */
const ENOUGH_FILES = 4096;
/** Bundles of trusted roots on Linux. */
const BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

const ok = (text: string): Finding => ({ level: 'ok', text, fix: '' });
const warning = (text: string, fix: string): Finding => ({ level: 'warning', text, fix });
const problem = (text: string, fix: string): Finding => ({ level: 'problem', text, fix });

/** Runs all checks. */
export async function examine(settings: Settings, caDirectory: string = defaultCaDirectory()): Promise<Finding[]> {
  const checks = [
    checkNode(process.versions.node),
    checkFiles(),
    ...(['https', 'http', 'inspector', 'admin'] as const).map(key => checkAddress(key, settings[key])),
    checkCertificates(settings, caDirectory),
    checkInspector(settings),
    checkBackends(settings),
  ];
  return (await Promise.all(checks)).flat();
}

/** The findings as they are printed. */
export function report(findings: readonly Finding[]): string {
  const marks = { ok: 'ok      ', warning: 'warning ', problem: 'problem ' };
  return findings
    .map(({ level, text, fix }) => `${marks[level]} ${text}\n${fix === '' ? '' : `          fix: ${fix}\n`}`)
    .join('');
}

/** Whether this Node runs the gateway. */
export async function checkNode(version: string): Promise<Finding[]> {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return [ok(`Node ${version}`)];
  return [problem(`Node ${version} is too old`, 'install Node 20.19 or later')];
}

async function checkFiles(): Promise<Finding[]> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  if (soft === undefined) return [];
  if (Number(soft) >= ENOUGH_FILES) return [ok(`${soft} files may be open`)];
  return [
    warning(
      `only ${soft} files may be open, connections count as files`,
      'ulimit -n 65536, or LimitNOFILE=65536 in the unit',
    ),
  ];
}

async function checkAddress(key: string, address: BindAddress | null): Promise<Finding[]> {
  if (address === null) return [];
  const where = formatAddress(address);
  if (!(await answers(address))) return [ok(`${key} ${where} is free`)];
  const fix = `stop what listens there (a running glassway?), or --${key} with another address`;
  return [problem(`${key} ${where} is taken`, fix)];
}

/** Whether somebody accepts connections there. */
function answers(address: BindAddress): Promise<boolean> {
  if ('port' in address && address.port === 0) return Promise.resolve(false);
  return new Promise(resolve => {
    const socket = connect({ ...address, timeout: 500 });
    const done = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.on('connect', () => done(true));
    socket.on('timeout', () => done(false));
    socket.on('error', () => done(false));
  });
}

async function checkCertificates(settings: Settings, caDirectory: string): Promise<Finding[]> {
  if (settings.https === null) return [];
  const certificates = certificatesOf(settings);
  if (certificates.length === 0) return checkDevelopmentCa(caDirectory);
  try {
    const contexts = await SecureContexts.load({ certificates: credentialFiles(certificates) });
    return [
      ...contexts.certificates.map(({ names, source, notAfter }) =>
        ok(`${source} for ${names.join(', ')} until ${new Date(notAfter).toISOString().slice(0, 10)}`),
      ),
      ...contexts.warnings.map(({ message }) =>
        warning(message, 'renew the certificate; the gateway reads it again by itself'),
      ),
    ];
  } catch (error) {
    return [problem((error as Error).message, 'correct --cert, --key or certificates')];
  }
}

async function checkDevelopmentCa(directory: string): Promise<Finding[]> {
  const certificate = await readFile(join(directory, CERTIFICATE_FILE), 'utf8').catch(() => null);
  if (certificate === null)
    return [
      warning('no development authority yet', 'it is made at the first start; glassway trust makes and trusts it'),
    ];
  const mode = await stat(join(directory, KEY_FILE)).then(
    found => found.mode & 0o077,
    () => 0,
  );
  if (process.platform !== 'win32' && mode !== 0) {
    const key = join(directory, KEY_FILE);
    return [problem(`others can read ${key}`, `delete it and let a new one be made, or chmod 600 ${key}`)];
  }
  const bundles = await Promise.all(BUNDLES.map(path => readFile(path, 'utf8').catch(() => '')));
  const isTrusted = bundles.some(bundle => bundle.includes(certificate.trim()));
  const where = join(directory, CERTIFICATE_FILE);
  if (isTrusted) return [ok(`the system trusts the development authority ${where}`)];
  return [
    warning(
      `the system's store does not have the development authority ${where}`,
      `glassway trust, or curl --cacert ${where}`,
    ),
  ];
}

async function checkInspector({ inspector }: Settings): Promise<Finding[]> {
  if (inspector === null || findInspectorPage() !== null) return [];
  return [warning('the page of the inspector is not built', 'npm run build')];
}

async function checkBackends(settings: Settings): Promise<Finding[]> {
  const pools = new Pools(NO_TRACE, {}, () => {});
  try {
    // Nothing is dialled, and no check begins, before it is put in use.
    const targets = await pools.targetsOf(
      settings.backends,
      [...settings.routes, settings].flatMap(({ to = [] }) => (to.length === 0 ? [] : [to])),
    );
    const results = await Promise.all(targets.map(({ url, options }) => probe(url, options)));
    return results.map(({ url, confirmed, text }) =>
      confirmed
        ? ok(`backend ${url} speaks ${text}`)
        : problem(`backend ${url}: ${text}`, 'start it, or correct its URL'),
    );
  } catch (error) {
    return [problem((error as Error).message, 'correct the path or the file')];
  }
}
