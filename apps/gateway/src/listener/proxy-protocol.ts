/**
 * The PROXY protocol, versions 1 and 2, by which a balancer that passes octets through says who the client is. Believed
 * only from peers that are configured as such balancers, and there it must come first: a header that may be absent
 * could be forged by whoever the balancer passes through.
 */
import { isIPv4, isIPv6, type Socket, SocketAddress } from 'node:net';

/** Whom a connection comes from. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A header read to its end. */
export interface ProxyHeader {
  /** Octets of the header. */
  readonly length: number;
  /** The client; null when the balancer speaks for itself (a health check) or does not know. */
  readonly client: Endpoint | null;
}

const SIGNATURE_V2: Uint8Array = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const SIGNATURE_V1: Uint8Array = Buffer.from('PROXY ', 'latin1');
/** Version 1's longest line, its CRLF included. */
const MAX_V1 = 107;
/** Addresses take 36 octets at most; the rest is for extensions nobody here reads. */
const MAX_V2 = 4096;
const V2_FIXED = 16;
const COMMAND_LOCAL = 0x20;
const COMMAND_PROXY = 0x21;
const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;

/** Reads a header from its first octet. `more`: it is not complete yet; `wrong`: this is none. */
export function parseProxyHeader(octets: Buffer): ProxyHeader | 'more' | 'wrong' {
  if (octets.length === 0) return 'more';
  return octets[0] === SIGNATURE_V1[0] ? parseV1(octets) : parseV2(octets);
}

function startsWith(octets: Buffer, signature: Uint8Array): boolean {
  const until = Math.min(octets.length, signature.length);
  for (let i = 0; i < until; i++) if (octets[i] !== signature[i]) return false;
  return true;
}

function parseV1(octets: Buffer): ProxyHeader | 'more' | 'wrong' {
  if (!startsWith(octets, SIGNATURE_V1)) return 'wrong';
  const end = octets.subarray(0, MAX_V1).indexOf('\r\n');
  if (end < 0) return octets.length < MAX_V1 ? 'more' : 'wrong';
  const length = end + 2;
  const parts = octets.toString('latin1', 0, end).split(' ');
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] = parts;
  if (family === 'UNKNOWN') return { length, client: null };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null;
  if (isAddress === null || parts.length !== 6 || !isAddress(source) || !isAddress(destination)) return 'wrong';
  if (!isPort(sourcePort) || !isPort(destinationPort)) return 'wrong';
  return { length, client: { address: source, port: Number(sourcePort) } };
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65535;
}

function parseV2(octets: Buffer): ProxyHeader | 'more' | 'wrong' {
  if (!startsWith(octets, SIGNATURE_V2)) return 'wrong';
  if (octets.length < V2_FIXED) return 'more';
  const command = octets[12]!;
  const family = octets[13]! >> 4;
  const length = V2_FIXED + octets.readUInt16BE(14);
  if ((command !== COMMAND_LOCAL && command !== COMMAND_PROXY) || length > MAX_V2) return 'wrong';
  const addresses = family === FAMILY_IPV4 ? 12 : family === FAMILY_IPV6 ? 36 : 0;
  if (command === COMMAND_PROXY && length < V2_FIXED + addresses) return 'wrong';
  if (octets.length < length) return 'more';
  if (command === COMMAND_LOCAL || addresses === 0) return { length, client: null };
  return { length, client: family === FAMILY_IPV4 ? endpointV4(octets) : endpointV6(octets) };
}

function endpointV4(octets: Buffer): Endpoint {
  const address = octets.subarray(V2_FIXED, V2_FIXED + 4).join('.');
  return { address, port: octets.readUInt16BE(V2_FIXED + 8) };
}

function endpointV6(octets: Buffer): Endpoint {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(octets.readUInt16BE(V2_FIXED + i).toString(16));
  // For the form with `::`, as Node gives the addresses of its own sockets.
  const { address } = new SocketAddress({ address: groups.join(':'), family: 'ipv6' });
  return { address, port: octets.readUInt16BE(V2_FIXED + 32) };
}

/** Knows whom each connection comes from, and reads it from the header where a balancer stands before us. */
export class Clients {
  readonly #speaksProxy: ((address: string) => boolean) | null;
  readonly #timeoutMs: number;
  /** By the balancer's address and port: a TLS socket shows nothing else of the connection below it. */
  readonly #claimed = new Map<string, Endpoint>();
  readonly #reading = new Set<Socket>();

  /** `speaksProxy`: whether a peer at this address is such a balancer; null: none is. `timeoutMs`: for the header, 0: for ever. */
  constructor(speaksProxy: ((address: string) => boolean) | null, timeoutMs: number) {
    this.#speaksProxy = speaksProxy;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether any connection begins with a header. */
  get expectHeaders(): boolean {
    return this.#speaksProxy !== null;
  }

  /** Whom the connection comes from; the address is empty for unix sockets. */
  of(socket: Socket): Endpoint {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    return this.#claimed.get(`${address} ${port}`) ?? { address, port };
  }

  /** Calls `proceed` when the header is read, at once where none is due. A wrong or late one destroys the socket. */
  identify(socket: Socket, proceed: () => void): void {
    const { remoteAddress = '', remotePort = 0 } = socket;
    if (this.#speaksProxy === null || !this.#speaksProxy(remoteAddress)) {
      proceed();
      return;
    }
    let seen: Buffer = Buffer.alloc(0);
    const timer = this.#timeoutMs > 0 ? setTimeout(() => socket.destroy(), this.#timeoutMs) : undefined;
    const stop = (): void => {
      clearTimeout(timer);
      this.#reading.delete(socket);
      socket.removeListener('readable', onReadable);
      socket.removeListener('end', onEnd);
      socket.removeListener('close', stop);
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const header = parseProxyHeader(seen);
      if (header === 'more') return;
      stop();
      if (header === 'wrong') {
        socket.destroy();
        return;
      }
      if (header.client !== null) this.#claim(socket, `${remoteAddress} ${remotePort}`, header.client);
      if (seen.length > header.length) socket.unshift(seen.subarray(header.length));
      proceed();
    };
    const onEnd = (): void => {
      socket.destroy();
    };
    this.#reading.add(socket);
    socket.on('readable', onReadable);
    socket.on('end', onEnd);
    socket.on('close', stop);
  }

  /** Destroys the sockets whose header is still awaited. */
  close(): void {
    for (const socket of this.#reading) socket.destroy();
  }

  #claim(socket: Socket, key: string, client: Endpoint): void {
    this.#claimed.set(key, client);
    socket.once('close', () => this.#claimed.delete(key));
  }
}
