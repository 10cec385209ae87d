import type { Duplex } from 'node:stream';
import type { Fields } from '../support/frames.ts';
import { RawPeer } from '../support/raw-peer.ts';

/** Makes a transport to the server under test; over TLS with ALPN `h2` done. */
export type Connect = () => Promise<Duplex>;

export interface ConformanceOptions {
  readonly scheme: 'http' | 'https';
  /** Default `localhost`. */
  readonly authority?: string;
}

/** What the clauses use: connections that are closed after each test, and requests that the server under test answers. */
export class Kit {
  readonly get: Fields;
  readonly head: Fields;
  readonly post: Fields;
  private readonly connect: Connect;
  private readonly peers: RawPeer[] = [];

  constructor(connect: Connect, { scheme, authority = 'localhost' }: ConformanceOptions) {
    this.connect = connect;
    const request = (method: string): Fields => [
      [':method', method],
      [':scheme', scheme],
      [':path', '/'],
      [':authority', authority],
    ];
    this.get = request('GET');
    this.head = request('HEAD');
    this.post = request('POST');
  }

  /** A connection on which nothing was sent. */
  async raw(): Promise<RawPeer> {
    const peer = new RawPeer(await this.connect());
    this.peers.push(peer);
    return peer;
  }

  /** A connection past the exchange of SETTINGS. */
  async open(...pairs: number[]): Promise<RawPeer> {
    const peer = await RawPeer.open(this.connect, ...pairs);
    this.peers.push(peer);
    return peer;
  }

  closeAll(): void {
    for (const peer of this.peers.splice(0)) peer.close();
  }
}
