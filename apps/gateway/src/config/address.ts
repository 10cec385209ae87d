import { BlockList, isIP } from 'node:net';
import { UsageProblem } from './settings.ts';

/** Where a listener binds. */
export interface ListenAddress {
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** A unix socket that a listener binds. */
export interface UnixAddress {
  readonly path: string;
}

/** Where a listener for clients binds. */
export type BindAddress = ListenAddress | UnixAddress;

/** What an address without a host means: this machine only. */
const DEFAULT_HOST = '127.0.0.1';
const FORM = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))?:)?([0-9]{1,5})$/;

/** Reads `host:port`, `[v6]:port`, `:port`, `port`, or `off` (null). `name` is the setting, for the message. */
export function parseListenAddress(text: string, name: string): ListenAddress | null {
  if (text === 'off') return null;
  const match = FORM.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2] ?? DEFAULT_HOST;
  if (match === null || port > 65535 || (match[1] !== undefined && isIP(host) !== 6)) {
    throw new UsageProblem(`${name}: "${text}" is not an address; write HOST:PORT, [V6]:PORT, a port alone, or off`);
  }
  return { host, port };
}

/** The same, or `unix:/path`, for listeners of clients. */
export function parseBindAddress(text: string, name: string): BindAddress | null {
  return text.startsWith('unix:/') ? { path: text.slice('unix:'.length) } : parseListenAddress(text, name);
}

/** `host:port`, `[v6]:port` or `unix:/path`. */
export function formatAddress(address: BindAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A peer as logs and views show it: `address:port`, `[v6]:port`; `unix` for a socket without an address. */
export function endpoint(address: string | undefined, port: number | undefined): string {
  return address === undefined || address === '' ? 'unix' : formatAddress({ host: address, port: port ?? 0 });
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** Answers whether an address is in one of the networks (addresses or CIDR). `name` is the setting, for the message. */
export function parseNetworks(networks: readonly string[], name: string): (address: string) => boolean {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits, rest] = network.split('/');
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    if (
      family === 0 ||
      rest !== undefined ||
      (bits !== undefined && !(/^[0-9]{1,3}$/.test(bits) && Number(bits) <= most))
    ) {
      throw new UsageProblem(`${name}: "${network}" is not a network; write 10.0.0.0/8, fd00::/8 or one address`);
    }
    list.addSubnet(address, bits === undefined ? most : Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  }
  return address => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

/** How a person on this machine writes it in a URL: certificates and people like names better than loopback addresses. */
export function localName(address: BindAddress): string {
  if ('path' in address) return formatAddress(address);
  return isLoopback(address.host) && !address.host.includes(':') ? `localhost:${address.port}` : formatAddress(address);
}
