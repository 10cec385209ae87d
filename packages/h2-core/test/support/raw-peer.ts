/** A client that is no HTTP/2 implementation: it sends the octets it is told to and reads frames, over any Duplex. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Decoder } from '@glassway/hpack';
import { concat, F, line, parse, ping, preface, type RawFrame, settings, settingsAck, T } from './frames.ts';

/** Longer than any answer takes, shorter than a test may. */
const PATIENCE_MS = 4000;

export interface RawResponse {
  readonly status: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

const be32 = (octets: Uint8Array, at: number): number => new DataView(octets.buffer, octets.byteOffset).getUint32(at);
const id31 = (octets: Uint8Array, at: number): number => be32(octets, at) & 0x7fff_ffff;

export class RawPeer {
  /** The server's first SETTINGS as id to value. */
  readonly serverSettings: Map<number, number> = new Map();
  private readonly stream: Duplex;
  private readonly decoder: Decoder = new Decoder();
  private readonly heads: Map<RawFrame, [string, string][]> = new Map();
  private readonly unread: RawFrame[] = [];
  private readonly log: string[] = [];
  private rest: Uint8Array = new Uint8Array();
  private over = false;
  private wake: () => void = () => {};
  private pings = 0;

  constructor(stream: Duplex) {
    this.stream = stream;
    if (stream instanceof Socket) stream.setNoDelay(true);
    stream.on('data', (chunk: Uint8Array) => this.take(chunk));
    for (const event of ['end', 'close', 'error']) stream.on(event, () => this.finish());
  }

  /** A peer past the exchange of SETTINGS in both directions. `pairs`: its own settings. */
  static async open(connect: () => Promise<Duplex>, ...pairs: number[]): Promise<RawPeer> {
    const peer = new RawPeer(await connect());
    peer.send(preface, settings(...pairs));
    const first = await peer.next('SETTINGS', f => f.type === T.SETTINGS && (f.flags & F.ACK) === 0);
    for (let at = 0; at < first.payload.length; at += 6) {
      peer.serverSettings.set(
        (first.payload[at] ?? 0) * 256 + (first.payload[at + 1] ?? 0),
        be32(first.payload, at + 2),
      );
    }
    peer.send(settingsAck);
    await peer.settingsAcked();
    return peer;
  }

  private take(chunk: Uint8Array): void {
    this.rest = concat(this.rest, chunk);
    let end = 0;
    while (this.rest.length - end >= 9) {
      const length = be32(this.rest, end) >>> 8;
      if (this.rest.length - end < 9 + length) break;
      end += 9 + length;
    }
    for (const f of parse(this.rest.slice(0, end))) {
      this.log.push(line(f));
      if (f.type === T.HEADERS) this.decode(f);
      this.unread.push(f);
    }
    this.rest = this.rest.slice(end);
    this.wake();
  }

  /** Responses of these tests fit into one HEADERS frame without padding. */
  private decode(f: RawFrame): void {
    const fields: [string, string][] = [];
    this.decoder.decode(f.payload, {
      onField: (name, value) => {
        fields.push([name, value]);
      },
    });
    this.heads.set(f, fields);
  }

  private finish(): void {
    this.over = true;
    this.wake();
  }

  send(...parts: readonly Uint8Array[]): this {
    if (this.stream.writable) this.stream.write(Buffer.from(concat(...parts)));
    return this;
  }

  close(): void {
    this.stream.destroy();
  }

  /** Entries the server has left in the dynamic table. */
  get tableLength(): number {
    return this.decoder.tableLength;
  }

  /** What came so far, for messages. */
  private get story(): string {
    return `received: ${this.log.join(', ') || 'nothing'}${this.over ? ', then the end' : ''}`;
  }

  private async until<R>(what: string, probe: () => R | undefined): Promise<R> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = probe();
      if (found !== undefined) return found;
      if (this.over) throw new Error(`the connection ended before ${what}; ${this.story}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${what} in ${PATIENCE_MS} ms; ${this.story}`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The first unread frame that fits; it and those before it are read then. */
  next(what: string, fits: (f: RawFrame) => boolean): Promise<RawFrame> {
    return this.until(what, () => {
      const at = this.unread.findIndex(fits);
      return at < 0 ? undefined : this.unread.splice(0, at + 1).at(-1);
    });
  }

  async settingsAcked(): Promise<void> {
    await this.next('SETTINGS ACK', f => f.type === T.SETTINGS && (f.flags & F.ACK) !== 0);
  }

  /** The connection lives: it answers a PING. Returns what came before the answer. */
  async alive(): Promise<RawFrame[]> {
    const payload = [0, 0, 0, 0, 0, 0, 0xff, ++this.pings];
    this.send(ping(payload));
    return this.until('the answer to a PING', () => {
      const at = this.unread.findIndex(f => f.type === T.PING && f.flags === F.ACK && f.payload[7] === this.pings);
      if (at < 0) return undefined;
      const before = this.unread.splice(0, at + 1).slice(0, -1);
      const bad = before.find(f => f.type === T.GOAWAY);
      if (bad !== undefined) throw new Error(`the connection is ending: ${line(bad)}; ${this.story}`);
      return before;
    });
  }

  /** All is well: a PING is answered, no stream was reset before. */
  async unharmed(): Promise<void> {
    const bad = (await this.alive()).find(f => f.type === T.RST_STREAM);
    if (bad !== undefined) throw new Error(`a stream was reset: ${line(bad)}`);
  }

  /** RST_STREAM with one of `codes` for the stream, and a connection that goes on (RFC 9113 5.4.2). */
  async streamError(streamId: number, ...codes: number[]): Promise<void> {
    const f = await this.next(
      `RST_STREAM for stream ${streamId}`,
      one => one.type === T.GOAWAY || (one.type === T.RST_STREAM && one.streamId === streamId),
    );
    if (f.type !== T.RST_STREAM || !codes.includes(be32(f.payload, 0))) {
      throw new Error(`expected RST_STREAM ${streamId} ${codes.join(' or ')}; ${this.story}`);
    }
    await this.alive();
  }

  /** GOAWAY with one of `codes`, then the end of the transport (RFC 9113 5.4.1). Returns the last stream it names. */
  async connectionError(...codes: number[]): Promise<number> {
    const f = await this.next('GOAWAY', one => one.type === T.GOAWAY);
    if (!codes.includes(be32(f.payload, 4))) throw new Error(`expected GOAWAY ${codes.join(' or ')}; ${this.story}`);
    await this.ended();
    return id31(f.payload, 0);
  }

  /** Either of the two, where the RFC leaves the choice. */
  async anyError(streamId: number, ...codes: number[]): Promise<void> {
    const f = await this.until('an error', () =>
      this.unread.find(one => one.type === T.GOAWAY || (one.type === T.RST_STREAM && one.streamId === streamId)),
    );
    if (f.type === T.GOAWAY) await this.connectionError(...codes);
    else await this.streamError(streamId, ...codes);
  }

  /** The end of the transport. */
  async ended(): Promise<void> {
    await this.until('the end of the connection', () => (this.over ? true : undefined));
  }

  /** A whole response, without 1xx. */
  async response(streamId: number): Promise<RawResponse> {
    let fields: [string, string][] = [];
    const body: Uint8Array[] = [];
    for (;;) {
      const f = await this.next(
        `the response on stream ${streamId}`,
        one => one.type === T.GOAWAY || one.streamId === streamId,
      );
      if (f.type === T.GOAWAY || f.type === T.RST_STREAM) throw new Error(`no response: ${line(f)}; ${this.story}`);
      if (f.type === T.HEADERS && fields.length === 0) fields = this.heads.get(f) ?? [];
      if (f.type === T.DATA) body.push(f.payload);
      if ((f.type === T.DATA || f.type === T.HEADERS) && (f.flags & F.END_STREAM) !== 0) break;
    }
    return { status: fields.find(([name]) => name === ':status')?.[1] ?? '', fields, body: concat(...body) };
  }

  /** The next DATA frame of a stream. */
  data(streamId: number): Promise<RawFrame> {
    return this.next(`DATA on stream ${streamId}`, f => f.type === T.DATA && f.streamId === streamId);
  }

  /** The head of the response has come; its body has not ended. */
  async head(streamId: number): Promise<void> {
    await this.next(`HEADERS on stream ${streamId}`, f => f.type === T.HEADERS && f.streamId === streamId);
  }
}
