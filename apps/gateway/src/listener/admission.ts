/**
 * Who may connect at all: every socket is counted from accept to close, so that one that never ends its handshake, or never
 * says what it speaks, has its place like any other.
 */
import type { Socket } from 'node:net';
import type { ListenerLimits } from './limits.ts';

/** What is enforced; 0: no limit. */
export type AdmissionLimits = Pick<ListenerLimits, 'maxConnections' | 'maxConnectionsPerAddress'>;

/** Counts sockets against the limits of connections. */
export class Admission {
  #limits: AdmissionLimits;
  #open = 0;
  readonly #perNetwork = new Map<string, number>();
  /** Sockets destroyed because of a limit, since the start. */
  refused = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Other limits for sockets to come. */
  configure(limits: AdmissionLimits): void {
    this.#limits = limits;
  }

  /** Counts a socket until it closes; false (and the socket is destroyed) above a limit. `address`: the client's, empty on unix sockets. */
  admit(socket: Socket, address: string): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    const network = networkOf(address);
    const fromThere = this.#perNetwork.get(network) ?? 0;
    const isFull = maxConnections > 0 && this.#open >= maxConnections;
    // Behind a unix socket stands a proxy or a service manager: everybody would have the same address, which is none.
    if (isFull || (maxConnectionsPerAddress > 0 && network !== '' && fromThere >= maxConnectionsPerAddress)) {
      this.refused++;
      socket.destroy();
      return false;
    }
    this.#open++;
    this.#perNetwork.set(network, fromThere + 1);
    socket.once('close', () => this.#leave(network));
    return true;
  }

  #leave(network: string): void {
    this.#open--;
    const left = this.#perNetwork.get(network)! - 1;
    if (left === 0) this.#perNetwork.delete(network);
    else this.#perNetwork.set(network, left);
  }
}

/** Groups of an IPv6 address, and of its network. */
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * What counts as one address: an IPv4 address, written as IPv6 or not, and of IPv6 the /64 network, all of which a single
 * host may use as it likes (RFC 4291 2.5.4, RFC 8981).
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length);
  const [left = '', right] = address.split('::');
  const groups = left === '' ? [] : left.split(':');
  if (right !== undefined) {
    const rest = right === '' ? [] : right.split(':');
    // Dotted decimal at the end stands for two groups.
    const missing = GROUPS - groups.length - rest.length - (right.includes('.') ? 1 : 0);
    groups.push(...new Array<string>(Math.max(0, missing)).fill('0'), ...rest);
  }
  const network = groups.slice(0, NETWORK_GROUPS).map(group => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
