import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { link, mkdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, TlsAlpnError } from './errors.ts';
import type { NameConstraints } from './mint.ts';

/** The files of the development CA. */

/** Holds the private key, the certificate and its constraints, so that they can never part. Mode 0600. */
export const KEY_FILE = 'root-ca-key.pem';
/** Holds the certificate alone, for trust stores and for `curl --cacert`. */
export const CERTIFICATE_FILE = 'root-ca.pem';

/** A root as it is stored. */
export interface StoredRoot {
  /** PKCS #8, PEM. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
  /** What the certificate's name constraints permit. */
  readonly permitted: NameConstraints;
}

/**
 * Where the development CA lives unless told otherwise: `$XDG_DATA_HOME/glassway` (or `~/.local/share/glassway`),
 * `~/Library/Application Support/glassway` on macOS, `%LOCALAPPDATA%\glassway` on Windows.
 */
export function defaultCaDirectory(
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'glassway');
  const home = env['HOME'] ?? homedir();
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'glassway');
  const data = env['XDG_DATA_HOME'];
  // The XDG specification says to ignore a relative path.
  return join(data?.startsWith('/') === true ? data : join(home, '.local', 'share'), 'glassway');
}

/**
 * Reads the root; null when there is none yet.
 *
 * @throws TlsAlpnError `permission` when other users can read the key, `certificate` when the files are damaged
 */
export async function readRoot(directory: string): Promise<StoredRoot | null> {
  const path = join(directory, KEY_FILE);
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new TlsAlpnError('certificate', `cannot read ${path}: ${messageOf(error)}`, error);
  }
  // A key that others could read may be in other hands. Windows has no such mode bits.
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8);
    throw new TlsAlpnError(
      'permission',
      `${path} has mode ${octal}: other users can read the key of a trusted authority. Delete it and let a new one ` +
        'be made, or, if nobody else uses this machine, chmod 600 it',
    );
  }
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(pem)?.[0];
  const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(pem)?.[0];
  const dns = /^permitted names: (.+)$/m.exec(pem)?.[1]?.split(' ');
  const ip = /^permitted addresses: (.+)$/m.exec(pem)?.[1]?.split(' ');
  if (!key || !certificate || !dns || !ip || !belong(key, certificate)) {
    throw new TlsAlpnError('certificate', `${path} is damaged; delete it and let a new authority be made`);
  }
  return { key, certificate, permitted: { dns, ip } };
}

function belong(key: string, certificate: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/**
 * Stores a root. Several processes may do so at once: unless `replace` is set the first one wins.
 *
 * @returns what is stored now
 * @throws TlsAlpnError `permission` when the directory cannot be written
 */
export async function writeRoot(directory: string, root: StoredRoot, replace: boolean): Promise<StoredRoot> {
  try {
    return await store(directory, root, replace);
  } catch (error) {
    if (error instanceof TlsAlpnError) throw error;
    const message = `the development authority cannot be kept in ${directory}: ${messageOf(error)}`;
    throw new TlsAlpnError('permission', message, error);
  }
}

async function store(directory: string, root: StoredRoot, replace: boolean): Promise<StoredRoot> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, KEY_FILE);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, textOf(root), { mode: 0o600, flag: 'wx' });
  if (replace) {
    await rename(draft, path);
    return root;
  }
  try {
    // Unlike rename, link fails when the target exists, and the file appears with all its content.
    await link(draft, path);
    return root;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readRoot(directory)) ?? root;
  } finally {
    await unlink(draft);
  }
}

/** Text outside the PEM blocks is a comment to every other reader of the format. */
function textOf({ key, certificate, permitted }: StoredRoot): string {
  return [
    'Private key of the Glassway development CA on this machine. Keep it secret.',
    `permitted names: ${permitted.dns.join(' ')}`,
    `permitted addresses: ${permitted.ip.join(' ')}`,
    key + certificate,
  ].join('\n');
}

/** Writes the public certificate beside the key, unless it is there already, and returns its path. */
export async function exportCertificate(directory: string, certificate: string): Promise<string> {
  const path = join(directory, CERTIFICATE_FILE);
  const present = await readFile(path, 'utf8').catch(() => '');
  if (present !== certificate) {
    const draft = `${path}.${randomBytes(6).toString('hex')}`;
    await writeFile(draft, certificate, { mode: 0o644 });
    await rename(draft, path);
  }
  return path;
}
