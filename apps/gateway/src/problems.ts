import { TlsAlpnError } from '@glassway/tls-alpn';
import type { BindAddress } from './config/address.ts';
import type { Settings } from './config/settings.ts';

/** What was being started. */
export type StartPart = 'admin' | 'access log' | 'certificate' | 'inspector' | 'listener';

/** A part of the gateway could not be started; `cause` says why. */
export class StartFailure extends Error {
  override readonly name: string = 'StartFailure';
  readonly part: StartPart;

  constructor(part: StartPart, cause: Error) {
    super(cause.message, { cause });
    this.part = part;
  }
}

/** For `catch`: remembers which part failed. */
export function failedIn(part: StartPart): (error: Error) => never {
  return error => {
    throw new StartFailure(part, error);
  };
}

/** A sentence about a failed start that names the flag to change. */
export function explainStartFailure(error: Error, settings: Settings): string {
  if (!(error instanceof StartFailure)) return error.message;
  if (error.part === 'access log') return `the access log cannot be opened (${error.message}): change --access-log`;
  if (error.part === 'certificate') return `${error.message}; change --cert or --key`;
  if (error.cause instanceof TlsAlpnError && error.cause.code !== 'listen') {
    return (
      `${error.message}; or keep the development authority elsewhere with XDG_DATA_HOME, bring a certificate with --cert ` +
      'and --key, or turn TLS off with --https off'
    );
  }
  const system = systemErrorOf(error);
  const address =
    error.part === 'inspector'
      ? settings.inspector
      : error.part === 'admin'
        ? settings.admin
        : listenerOf(system, settings);
  if (system === null || address === null || 'path' in address) return error.message;
  const flag =
    address === settings.inspector
      ? '--inspector'
      : address === settings.admin
        ? '--admin'
        : address === settings.https
          ? '--https'
          : '--http';
  const change = `choose another with ${flag} ADDRESS, or ${flag} off`;
  switch (system.code) {
    case 'EADDRINUSE':
      return `port ${address.port} is taken: stop what listens there, or ${change}`;
    case 'EACCES':
      return `port ${address.port} needs privileges (below 1024): ${change}`;
    case 'EADDRNOTAVAIL':
      return `${address.host} is not an address of this machine: ${change}`;
    case 'ENOTFOUND':
      return `${address.host} is not a known name: ${change}`;
    default:
      return error.message;
  }
}

interface SystemError extends NodeJS.ErrnoException {
  readonly port?: number;
}

/** The innermost error with a system's code. */
function systemErrorOf(error: Error): SystemError | null {
  let found: SystemError | null = null;
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if ('code' in each && typeof each.code === 'string' && each.code.startsWith('E')) found = each as SystemError;
  }
  return found;
}

/** Which listener an error is about. */
function listenerOf(system: SystemError | null, { https, http }: Settings): BindAddress | null {
  if (https === null || http === null) return https ?? http;
  if ('port' in https && system?.port === https.port) return https;
  return 'port' in http && system?.port === http.port ? http : null;
}
