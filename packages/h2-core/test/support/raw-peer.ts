/** The scripted peer of `./testing` as a client over any Duplex, with what the conformance suite asks again and again. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Fields, type Frame, Peer, readUint } from '../../src/testing/index.ts';
import { concat, F, line, preface, type RawFrame, settings, settingsAck, T } from './frames.ts';

export interface RawResponse {
  readonly status: string;
  readonly fields: Fields;
  readonly body: Uint8Array;
}

export class RawPeer {
  /** The server's first SETTINGS as id to value. */
  readonly serverSettings: Map<number, number> = new Map();
  private readonly peer: Peer;
  /** What the transport failed with, as a TCP reset does; null while it works and after an orderly end. */
  private failure: Error | null = null;

  constructor(stream: Duplex) {
    if (stream instanceof Socket) stream.setNoDelay(true);
    stream.on('error', error => {
      this.failure ??= error;
    });
    this.peer = new Peer('client', stream, { replies: false });
  }

  /** A peer past the exchange of SETTINGS in both directions. `pairs`: its own settings. */
  static async open(connect: () => Promise<Duplex>, ...pairs: number[]): Promise<RawPeer> {
    const peer = new RawPeer(await connect());
    peer.send(preface, settings(...pairs));
    const first = await peer.next('SETTINGS', f => f.type === T.SETTINGS && (f.flags & F.ACK) === 0);
    for (let at = 0; at < first.payload.length; at += 6) {
      peer.serverSettings.set(readUint(first.payload, at, 2), readUint(first.payload, at + 2, 4));
    }
    peer.send(settingsAck);
    await peer.settingsAcked();
    return peer;
  }

  send(...parts: readonly Uint8Array[]): this {
    this.peer.send(...parts);
    return this;
  }

  close(): void {
    this.peer.destroy();
  }

  /** Entries the server has left in the dynamic table. */
  get tableLength(): number {
    return this.peer.tableLength;
  }

  private get story(): string {
    return this.peer.transcript.join(', ');
  }

  /** The first unread frame that fits; it and those before it are read then. */
  next(what: string, fits: (f: Frame) => boolean): Promise<Frame> {
    return this.peer.waitFor(fits, what);
  }

  async settingsAcked(): Promise<void> {
    await this.peer.waitFor({ type: 'SETTINGS', flags: ['ACK'] });
  }

  /** The connection lives: it answers a PING. Returns what came before the answer. */
  async alive(): Promise<readonly RawFrame[]> {
    const before = await this.peer.expectAlive();
    const bad = before.find(f => f.type === T.GOAWAY);
    if (bad !== undefined) throw new Error(`the connection is ending: ${line(bad)}; ${this.story}`);
    return before;
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
    if (f.type !== T.RST_STREAM || !codes.includes(readUint(f.payload, 0, 4))) {
      throw new Error(`expected RST_STREAM ${streamId} ${codes.join(' or ')}; ${this.story}`);
    }
    await this.alive();
  }

  /** GOAWAY with one of `codes`, then the end of the transport (RFC 9113 5.4.1). Returns the last stream it names. */
  async connectionError(...codes: number[]): Promise<number> {
    const f = await this.peer.waitFor({ type: 'GOAWAY' });
    if (!codes.includes(readUint(f.payload, 4, 4))) {
      throw new Error(`expected GOAWAY ${codes.join(' or ')}; ${this.story}`);
    }
    await this.ended();
    // Our FIN it must be: a reset would take GOAWAY with it (5.4.1, 9.1).
    if (this.failure !== null) throw new Error(`the transport broke: ${this.failure.message}; ${this.story}`);
    return f.lastStreamId as number;
  }

  /** Either of the two, where the RFC leaves the choice. */
  async anyError(streamId: number, ...codes: number[]): Promise<void> {
    const f = await this.next(
      'an error',
      one => one.type === T.GOAWAY || (one.type === T.RST_STREAM && one.streamId === streamId),
    );
    const given = readUint(f.payload, f.type === T.GOAWAY ? 4 : 0, 4);
    if (!codes.includes(given)) throw new Error(`expected an error ${codes.join(' or ')}; ${this.story}`);
    if (f.type === T.GOAWAY) await this.ended();
    else await this.alive();
  }

  /** The end of the transport; what still comes before it does not matter. */
  ended(): Promise<void> {
    return this.peer.waitForEnd();
  }

  /** A whole response, without 1xx. */
  async response(streamId: number): Promise<RawResponse> {
    let fields: Fields = [];
    const body: Uint8Array[] = [];
    for (;;) {
      const f = await this.next(
        `the response on stream ${streamId}`,
        one => one.type === T.GOAWAY || one.streamId === streamId,
      );
      if (f.type === T.GOAWAY || f.type === T.RST_STREAM) throw new Error(`no response: ${line(f)}; ${this.story}`);
      if (f.type === T.HEADERS && fields.length === 0) fields = f.fields ?? [];
      if (f.type === T.DATA) body.push(f.payload);
      if ((f.type === T.DATA || f.type === T.HEADERS) && (f.flags & F.END_STREAM) !== 0) break;
    }
    return { status: fields.find(([name]) => name === ':status')?.[1] ?? '', fields, body: concat(...body) };
  }

  /** The next DATA frame of a stream. */
  data(streamId: number): Promise<RawFrame> {
    return this.peer.waitFor({ type: 'DATA', streamId });
  }

  /** The head of the response has come; its body has not ended. */
  async head(streamId: number): Promise<void> {
    await this.peer.waitFor({ type: 'HEADERS', streamId });
  }
}
