import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isLoopback, type ListenAddress } from './address.ts';

/** Connecting to the unspecified address reaches this machine (RFC 4291 2.5.2; on Linux and macOS also 0.0.0.0). */
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::', '::ffff:0.0.0.0', '::ffff:0:0']);

/**
 * Answers whether a resolved address and port are one of our own listeners, which the data plane must never dial. Any
 * loopback address with that port counts: telling them apart is not worth a mistake. Where it listens on every address of
 * this machine, or on a name, which may stand for any of them, all of them count.
 */
export function reachesListener(listener: ListenAddress): (address: string, port: number) => boolean {
  return (address, port) => {
    if (port !== listener.port || isIP(address) === 0) return false;
    const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
    if (plain === listener.host || UNSPECIFIED.has(address) || isLoopback(plain)) return true;
    return isAnywhere(listener.host) && isOfThisMachine(plain);
  };
}

function isAnywhere(host: string): boolean {
  return UNSPECIFIED.has(host) || (isIP(host) === 0 && host !== 'localhost');
}

/** Looked up each time: interfaces come and go. */
function isOfThisMachine(address: string): boolean {
  return Object.values(networkInterfaces()).some(all => all?.some(own => own.address === address));
}

/** The same for several, of which those that are off are null. A port still to be chosen (0) is unknown to everybody. */
export function reachesAny(listeners: readonly (ListenAddress | null)[]): (address: string, port: number) => boolean {
  const checks = listeners.flatMap(each => (each === null || each.port === 0 ? [] : [reachesListener(each)]));
  return (address, port) => checks.some(reaches => reaches(address, port));
}
