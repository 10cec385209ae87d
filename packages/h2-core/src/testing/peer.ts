import { type Clock, hostClock } from '../session/host.ts';
import { type Driver, type DriverSink, driverOf, type Transport } from '../session/transport.ts';
import {
  data,
  type Fields,
  headers,
  ping,
  preface,
  requestFields,
  settingPairs,
  settings,
  settingsAck,
} from './build.ts';
import { SimulatedClock } from './clock.ts';
import { differences, type FrameExpectation, failedExpectation } from './expectation.ts';
import { describeFrame, type Frame, WireReader } from './frames.ts';
import { concat } from './octets.ts';
import { Flags, type SettingName, Type, type TypeName } from './wire.ts';

/** How a scripted peer begins and behaves. */
export interface PeerOptions {
  /** Its first SETTINGS. Default: none but the frame. */
  readonly settings?: Readonly<Partial<Record<SettingName, number>>>;
  /**
   * Answers SETTINGS and PING by itself, as every endpoint has to. Default true. False: the script does, with what the other
   * side sends in the handshake left to it as well.
   */
  readonly replies?: boolean;
  /** What `expect` passes over unless it is asked for. Default SETTINGS, PING and WINDOW_UPDATE. */
  readonly ignore?: readonly TypeName[];
  /** Longest wait for a frame, milliseconds on the transport's clock. Default 4000. */
  readonly patienceMs?: number;
}

const IGNORED: readonly TypeName[] = ['SETTINGS', 'PING', 'WINDOW_UPDATE'];
const PATIENCE_MS = 4000;
const END = 'the end of the transport';
/** Lines of the transcript that a message shows. */
const SHOWN_LINES = 30;

/**
 * One side of a connection that is no HTTP/2 implementation: it sends the octets that a test tells it to, allowed or not,
 * and says whether the right frames come back. Over any transport, so that any server or client can be tested with it.
 *
 *     const peer = await Peer.client(transport);
 *     peer.send(headers(1, requestFields()), data(1, 'too late'));
 *     await peer.expect({ type: 'RST_STREAM', streamId: 1, code: 'STREAM_CLOSED' });
 */
export class Peer implements DriverSink {
  /** Which side it plays. */
  readonly role: 'client' | 'server';
  /** Both sides' frames as lines, oldest first: `>` sent by this peer, `<` received. */
  readonly transcript: string[] = [];
  private readonly driver: Driver;
  private readonly clock: Clock;
  private readonly ignored: readonly number[];
  private readonly replies: boolean;
  private readonly patienceMs: number;
  private readonly reader: WireReader;
  private readonly own: WireReader;
  private unread: Frame[] = [];
  private over = false;
  private cause: unknown = undefined;
  private broken: unknown = null;
  private wake: () => void = () => {};
  private pings = 0;

  /** A peer that has sent nothing yet; `Peer.client` and `Peer.server` do the handshake too. */
  constructor(role: 'client' | 'server', transport: Transport, options: PeerOptions = {}) {
    this.role = role;
    this.driver = driverOf(transport);
    this.clock = this.driver.clock ?? hostClock;
    this.ignored = (options.ignore ?? IGNORED).map(name => Type[name]);
    this.replies = options.replies ?? true;
    this.patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.reader = new WireReader(role === 'client' ? 'server' : 'client');
    this.own = new WireReader(role, { lenient: true });
    this.driver.start(this);
  }

  /** A client: sends preface and SETTINGS, and waits for the server's SETTINGS and acknowledgement. */
  static client(transport: Transport, options: PeerOptions = {}): Promise<Peer> {
    return new Peer('client', transport, options).handshake(options);
  }

  /** A server: sends SETTINGS, and waits for the client's preface, SETTINGS and acknowledgement. */
  static server(transport: Transport, options: PeerOptions = {}): Promise<Peer> {
    return new Peer('server', transport, options).handshake(options);
  }

  private async handshake(options: PeerOptions): Promise<Peer> {
    const first = settings(...settingPairs(options.settings ?? {}));
    this.send(...(this.role === 'client' ? [preface, first] : [first]));
    if (!this.replies) return this;
    await this.waitFor({ type: 'SETTINGS', flags: [] });
    await this.waitFor({ type: 'SETTINGS', flags: ['ACK'] });
    return this;
  }

  // Sending -----------------------------------------------------------------------------------------------------------

  /** Sends octets as they are, in one segment. */
  send(...parts: readonly Uint8Array[]): this {
    const octets = concat(...parts);
    for (const { type, flags, settings: sent } of this.note('>', this.own, octets)) {
      if (type === Type.SETTINGS && (flags & Flags.ACK) === 0) this.reader.noteSettings(sent?.['HEADER_TABLE_SIZE']);
    }
    if (this.driver.isWritable) this.driver.write([octets]);
    return this;
  }

  /** Client: sends a request for `fields`, default GET / for example.com over http, without a body unless given one. */
  request(streamId: number, fields: Fields = requestFields(), body?: string | Uint8Array): this {
    if (body === undefined) return this.send(headers(streamId, fields));
    return this.send(headers(streamId, fields, Flags.END_HEADERS), data(streamId, body, Flags.END_STREAM));
  }

  /** Server: sends a response, without a body unless given one. `more`: further field lines. */
  respond(streamId: number, status = 200, body?: string | Uint8Array, more: Fields = []): this {
    const fields: Fields = [[':status', String(status)], ...more];
    if (body === undefined) return this.send(headers(streamId, fields));
    return this.send(headers(streamId, fields, Flags.END_HEADERS), data(streamId, body, Flags.END_STREAM));
  }

  /** Ends this side in order; the other may go on. */
  end(): void {
    this.transcript.push('> end');
    this.driver.end(() => {});
  }

  /** Ends the transport at once. */
  destroy(): void {
    this.driver.destroy();
  }

  // Expecting ---------------------------------------------------------------------------------------------------------

  /**
   * The next frame, which has to be as described; SETTINGS, PING and WINDOW_UPDATE that were not asked for are passed over.
   * Throws an `ExpectationError` that shows the differences and what was said so far.
   */
  async expect(expected: FrameExpectation): Promise<Frame> {
    const type = typeof expected.type === 'number' ? expected.type : Type[expected.type];
    const passes = (frame: Frame): boolean => frame.type !== type && this.ignored.includes(frame.type);
    const frame = await this.take(() => {
      const at = this.unread.findIndex(one => !passes(one));
      return at < 0 ? undefined : this.unread.splice(0, at + 1).at(-1);
    }, expected);
    if (differences(expected, frame).length !== 0) throw this.failed(expected, frame, '');
    return frame;
  }

  /** The first frame that is as described, or for which `expected` is true; whatever comes before is passed over. */
  waitFor(expected: FrameExpectation | ((frame: Frame) => boolean), what = 'a frame that fits'): Promise<Frame> {
    const fits =
      typeof expected === 'function' ? expected : (frame: Frame) => differences(expected, frame).length === 0;
    return this.take(
      () => {
        const at = this.unread.findIndex(fits);
        return at < 0 ? undefined : this.unread.splice(0, at + 1).at(-1);
      },
      typeof expected === 'function' ? what : expected,
    );
  }

  /**
   * The other side lives and has dealt with everything sent so far: a PING comes back. Gives the frames that came before the
   * answer and that nobody had asked for.
   */
  async expectAlive(): Promise<readonly Frame[]> {
    const payload = [0x74, 0x65, 0x73, 0x74, 0, 0, this.pings >>> 8, this.pings++ & 255];
    this.send(ping(payload));
    const expected: FrameExpectation = { type: 'PING', flags: ['ACK'], payload };
    const found = await this.take(() => {
      const at = this.unread.findIndex(frame => differences(expected, frame).length === 0);
      return at < 0 ? undefined : this.unread.splice(0, at + 1);
    }, expected);
    return found.slice(0, -1).filter(frame => !this.ignored.includes(frame.type));
  }

  /** The other side ends the transport. Throws when a frame of a type that is not passed over comes before. */
  async expectEnd(): Promise<void> {
    const found = await this.take(() => {
      const frame = this.unread.find(one => !this.ignored.includes(one.type));
      return frame ?? (this.over ? null : undefined);
    }, END);
    if (found !== null) throw this.failed(END, found, '');
  }

  /** The other side ends the transport; whatever comes before is passed over. */
  async waitForEnd(): Promise<void> {
    await this.take(() => (this.over ? true : undefined), END);
  }

  /** Frames that came and that nobody has asked for yet. */
  get unclaimed(): readonly Frame[] {
    return this.unread;
  }

  /** Entries that the other side has left in the HPACK table of what it sends. RFC 7541 2.3.2. */
  get tableLength(): number {
    return this.reader.tableLength;
  }

  /** True when the other side has ended the transport. */
  get isEnded(): boolean {
    return this.over;
  }

  /** What the transport failed with; undefined while it works and after an orderly end. */
  get transportError(): unknown {
    return this.cause;
  }

  /** What `probe` finds, as soon as it does. */
  private async take<Found>(probe: () => Found | undefined, expected: FrameExpectation | string): Promise<Found> {
    const { clock, patienceMs } = this;
    const deadline = clock.now() + patienceMs;
    for (;;) {
      const found = probe();
      if (found !== undefined) return found;
      if (this.broken !== null) throw this.failed(expected, null, `what came cannot be read: ${this.broken}`);
      if (this.over) throw this.failed(expected, null, 'the transport ended');
      if (clock.now() >= deadline) throw this.failed(expected, null, `nothing came for ${patienceMs} ms`);
      await this.more(deadline);
    }
  }

  /** Something came, or the deadline did. Simulated time moves to where the next thing happens. */
  private async more(deadline: number): Promise<void> {
    const { clock } = this;
    if (clock instanceof SimulatedClock) {
      let woken = false;
      this.wake = () => {
        woken = true;
      };
      await clock.settle();
      if (!woken) await clock.advance(Math.min(clock.nextAt, deadline) - clock.now());
      return;
    }
    await new Promise<void>(resume => {
      const timer = clock.setTimer(resume, deadline - clock.now());
      this.wake = () => {
        clock.clearTimer(timer);
        resume();
      };
    });
  }

  private failed(expected: FrameExpectation | string, instead: Frame | null, why: string): Error {
    return failedExpectation(expected, instead, why, this.transcript.slice(-SHOWN_LINES));
  }

  // The transport -----------------------------------------------------------------------------------------------------

  received(chunk: Uint8Array): void {
    if (this.broken !== null) return;
    for (const frame of this.note('<', this.reader, chunk)) {
      this.unread.push(frame);
      if (this.replies) this.reply(frame);
    }
    this.wake();
  }

  drained(): void {}

  closed(cause: unknown): void {
    if (this.over) return;
    this.over = true;
    this.cause = cause;
    this.transcript.push(cause === undefined ? '< end' : `< end (${cause})`);
    this.wake();
  }

  private reply({ type, flags, payload }: Frame): void {
    if ((flags & Flags.ACK) !== 0) return;
    if (type === Type.SETTINGS) this.send(settingsAck);
    else if (type === Type.PING && payload.length === 8) this.send(ping(payload, Flags.ACK));
  }

  /** Writes frames into the transcript. What this peer sends may be anything, so it need not be readable. */
  private note(sign: string, reader: WireReader, octets: Uint8Array): Frame[] {
    try {
      const frames = reader.push(octets);
      for (const frame of frames) this.transcript.push(`${sign} ${describeFrame(frame)}`);
      return frames;
    } catch (error) {
      // Only of what the other side sends: the reader of our own takes anything.
      this.transcript.push(`${sign} ${octets.length} octets that are no HTTP/2`);
      this.broken = error;
      return [];
    }
  }
}
