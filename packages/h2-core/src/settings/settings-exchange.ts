import type { Decoder } from '@glassway/hpack';
import type { Core } from '../core.ts';
import type { FrameReader } from '../frame/reader.ts';
import { Flag, FrameType, MAX_WINDOW } from '../frame/types.ts';
import { NONE, UNSENT } from '../moment.ts';
import { ConnectionError, RULES } from '../rules.ts';
import { shown } from '../shown.ts';
import { SettingsEvent } from '../tap.ts';
import { checkSetting, parseSettings, SettingId, settingName } from './settings.ts';

const KNOWN: ReadonlySet<number> = new Set(Object.values(SettingId));

/** SETTINGS of ours that the peer has not acknowledged. */
interface SentSettings {
  readonly pairs: readonly number[];
  /** Ms, UNSENT while they wait to be taken. */
  sentAt: number;
}

/** Of every connection whose peer has acknowledged all. */
const NONE_PENDING: SentSettings[] = Object.freeze<SentSettings[]>([]) as SentSettings[];

/** SETTINGS in both directions: values, what each changes, and acknowledgements in order. RFC 9113 6.5. */
export class SettingsExchange {
  /** Set by the connection once the decoder exists. */
  decoder: Decoder | null = null;
  /** The same for the reader, whose limit follows our MAX_FRAME_SIZE. */
  reader: FrameReader | null = null;
  /** Sent and not yet acknowledged, oldest first, with the time of sending. */
  private pending: SentSettings[] = NONE_PENDING;
  private readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }

  /** When the oldest unacknowledged SETTINGS were sent, ms; negative: none has left. */
  get oldestPending(): number {
    return this.pending[0]?.sentAt ?? NONE;
  }

  /** What was sent since the last time leaves at `core.now`. */
  stamp(): void {
    for (let i = this.pending.length - 1; i >= 0; i--) {
      const entry = this.pending[i];
      if (entry === undefined || entry.sentAt !== UNSENT) break;
      entry.sentAt = this.core.now;
    }
  }

  /** Throws a `UsageError` for what the peer would have to answer with an error. RFC 9113 6.5.2. */
  checkOwn(pairs: readonly number[]): void {
    const { core } = this;
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const id = pairs[i] as number;
      const value = pairs[i + 1] as number;
      if (!isUint(id, 0xffff)) core.misuse('api.settings', `setting ${shown(id)} cannot be sent: ids have 16 bits`);
      const rule = isUint(value, 0xffff_ffff) ? checkSetting(id, value, core.local, core.isServer, false) : null;
      if (rule === '') continue;
      const why = rule === null ? 'values have 32 bits' : RULES[rule].text;
      core.misuse('api.settings', `setting ${settingName(id)} cannot be ${shown(value)}: ${why}`);
    }
  }

  /** Sends new values: what they allow holds at once, what they restrict when they are acknowledged. */
  change(pairs: readonly number[]): void {
    const { core, reader } = this;
    this.checkOwn(pairs);
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const value = pairs[i + 1] as number;
      if (pairs[i] === SettingId.INITIAL_WINDOW_SIZE) core.receiver.streamTarget = value;
      else if (pairs[i] === SettingId.MAX_CONCURRENT_STREAMS) {
        core.maxRemoteStreams = Math.max(core.maxRemoteStreams, value);
      } else if (pairs[i] === SettingId.MAX_FRAME_SIZE && reader !== null) {
        reader.maxFrameSize = Math.max(reader.maxFrameSize, value);
      }
    }
    this.send(pairs);
  }

  /** Sends SETTINGS. What they restrict takes effect when the peer has acknowledged them. */
  send(pairs: readonly number[]): void {
    const { core } = this;
    core.outbox.settings(pairs);
    const sent = { pairs: pairs.slice(), sentAt: UNSENT };
    if (this.pending === NONE_PENDING) this.pending = [sent];
    else this.pending.push(sent);
    if (core.tap === null) return;
    core.tap.onSettings(SettingsEvent.SENT, pairs);
    core.tellFrame(FrameType.SETTINGS, 0, 0, pairs.length * 3, pairs[0] ?? 0);
  }

  /** A received SETTINGS frame. `first`: the peer's preface. */
  onFrame(flags: number, bytes: Uint8Array, start: number, length: number, first: boolean): void {
    const { core } = this;
    const type = FrameType.SETTINGS;
    if ((flags & Flag.ACK) !== 0) {
      if (length !== 0) throw new ConnectionError('settings.ack-length', 0, type, `${length} octets`);
      this.acknowledged();
      return;
    }
    if (length % 6 !== 0) throw new ConnectionError('settings.length', 0, type, `${length} octets`);
    if (length / 6 > core.options.maxSettingsPerFrame) {
      throw new ConnectionError('settings.too-many', 0, type, `${length / 6} entries`);
    }
    const pairs = parseSettings(bytes, start, length);
    if (!first) this.charge(pairs);
    this.applyRemote(pairs, first);
    core.outbox.settingsAck();
    if (core.tap !== null) {
      core.tap.onSettings(SettingsEvent.RECEIVED, pairs);
      core.tellFrame(type, Flag.ACK, 0, 0, 0);
    }
    core.handler.onSettings?.(pairs);
    if (core.onSlot !== null) core.onSlot();
  }

  /** What these settings cost: streams whose window moves, table entries that go and have to be sent again. */
  private charge(pairs: readonly number[]): void {
    const { core } = this;
    let work = 1;
    for (let i = 0; i < pairs.length; i += 2) {
      const id = pairs[i] as number;
      if (id === SettingId.INITIAL_WINDOW_SIZE) work += core.registry.live.size;
      else if (id === SettingId.HEADER_TABLE_SIZE) work += core.encoder.tableLength;
      else if (!KNOWN.has(id)) core.guard.odd('odd.setting', 0, FrameType.SETTINGS, core.now);
    }
    core.guard.settings(work, core.now);
  }

  /** Takes over the peer's values, in order (RFC 9113 6.5.3). */
  applyRemote(pairs: readonly number[], first: boolean): void {
    const { core } = this;
    // Until now we were cautious; RFC 9113 6.5.2: a server that names no limit has none.
    if (first && !core.isServer) core.remote.maxConcurrentStreams = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const id = pairs[i] as number;
      const value = pairs[i + 1] as number;
      const rule = checkSetting(id, value, core.remote, !core.isServer, first);
      if (rule !== '') throw new ConnectionError(rule, 0, FrameType.SETTINGS, `value ${value}`);
      if (id === SettingId.INITIAL_WINDOW_SIZE) this.shiftSendWindows(value - core.remote.initialWindowSize);
      core.remote.apply(id, value);
      if (id === SettingId.NO_RFC7540_PRIORITIES && value === 1) core.priorities.aware = true;
      if (id === SettingId.HEADER_TABLE_SIZE) core.encoder.setPeerMaxTableSize(value);
      else if (id === SettingId.MAX_FRAME_SIZE) core.sender.maxFrameSize = value;
    }
  }

  /** RFC 9113 6.9.2: a change of the initial window moves every stream's window, which may become negative. */
  private shiftSendWindows(delta: number): void {
    const { core } = this;
    if (delta === 0) return;
    for (const stream of core.registry.live.values()) {
      stream.sendWindow += delta;
      if (stream.sendWindow > MAX_WINDOW) {
        throw new ConnectionError('settings.window-overflow', stream.id, FrameType.SETTINGS);
      }
      if (delta > 0) core.sender.schedule(stream);
      else if (stream.sendWindow <= 0 && stream.head !== null) {
        core.sender.scheduler.remove(stream);
        core.sender.schedule(stream);
      }
    }
  }

  private acknowledged(): void {
    const { core } = this;
    const [entry] = this.pending;
    if (entry === undefined) throw new ConnectionError('settings.ack-unexpected', 0, FrameType.SETTINGS);
    if (this.pending.length === 1) this.pending = NONE_PENDING;
    else this.pending.shift();
    const { pairs } = entry;
    this.applyLocal(pairs);
    if (core.tap !== null) core.tap.onSettings(SettingsEvent.ACKED, pairs);
    core.handler.onSettingsAcked?.();
  }

  /** The peer obeys these values of ours from now on. RFC 9113 6.5.3. */
  applyLocal(pairs: readonly number[]): void {
    const { core } = this;
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const id = pairs[i] as number;
      const value = pairs[i + 1] as number;
      if (id === SettingId.INITIAL_WINDOW_SIZE) {
        const delta = value - core.local.initialWindowSize;
        for (const stream of core.registry.live.values()) stream.receiveWindow += delta;
      }
      core.local.apply(id, value);
      if (id === SettingId.HEADER_TABLE_SIZE) this.decoder?.setMaxTableSize(value);
      else if (id === SettingId.MAX_CONCURRENT_STREAMS) core.maxRemoteStreams = value;
      else if (id === SettingId.MAX_FRAME_SIZE) this.limitFrames(value);
    }
  }

  /** A smaller MAX_FRAME_SIZE holds once acknowledged, unless a larger one is on its way: those hold from their sending. */
  private limitFrames(acknowledged: number): void {
    let size = acknowledged;
    for (const { pairs } of this.pending) {
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        if (pairs[i] === SettingId.MAX_FRAME_SIZE) size = Math.max(size, pairs[i + 1] as number);
      }
    }
    if (this.reader !== null) this.reader.maxFrameSize = size;
  }
}

function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
