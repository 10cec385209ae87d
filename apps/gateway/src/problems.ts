import type { ListenAddress } from './config/address.ts';
import type { Settings } from './config/settings.ts';

/** A sentence about a failed start that names the flag to change. */
export function explainStartFailure(error: Error, settings: Settings): string {
  const system = systemErrorOf(error);
  if (system?.syscall === 'listen') {
    const flag = flagOf(system.port, settings);
    const change = `choose another with ${flag} ADDRESS, or ${flag} off`;
    switch (system.code) {
      case 'EADDRINUSE':
        return `port ${system.port} is taken: stop what listens there, or ${change}`;
      case 'EACCES':
        return `port ${system.port} needs privileges (below 1024): ${change}`;
      case 'EADDRNOTAVAIL':
        return `${system.address} is not an address of this machine: ${change}`;
      default:
    }
  }
  if (system?.syscall === 'open' && settings.accessLog !== null) {
    return `the access log cannot be opened (${system.message}): change --access-log`;
  }
  return error.message;
}

interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

function systemErrorOf(error: Error): SystemError | null {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if ('syscall' in each) return each as SystemError;
  }
  return null;
}

function flagOf(port: number | undefined, settings: Settings): string {
  const listens = (address: ListenAddress | null): boolean => address !== null && address.port === port;
  return listens(settings.https) ? '--https' : listens(settings.http) ? '--http' : '--inspector';
}
