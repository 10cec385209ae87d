import type { Core } from './core.ts';
import type { Inbound } from './inbound.ts';
import type { Lifecycle } from './lifecycle.ts';
import { UNSENT } from './moment.ts';
import { SHUTDOWN_PING_TIMEOUT_MS, WRITE_PROGRESS_BYTES } from './options/limits.ts';
import { ConnectionError } from './rules.ts';
import type { SettingsExchange } from './settings/settings-exchange.ts';

/** Checks for stalled streams in one stall timeout: what the timeout may be late by is a sixth of it. */
const STALL_CHECKS = 6;

const NEVER: number = Number.POSITIVE_INFINITY;

/** All timers of a connection, computed from when things happened: no timer runs inside the core. */
export class Deadlines {
  private stallCheckedAt: number;
  private readonly core: Core;
  private readonly inbound: Inbound;
  private readonly settings: SettingsExchange;
  private readonly lifecycle: Lifecycle;
  private readonly startedAt: number;

  constructor(core: Core, inbound: Inbound, settings: SettingsExchange, lifecycle: Lifecycle) {
    this.core = core;
    this.inbound = inbound;
    this.settings = settings;
    this.lifecycle = lifecycle;
    this.startedAt = core.now;
    this.stallCheckedAt = core.now;
  }

  private preface(): number {
    const { prefaceTimeoutMs } = this.core.options;
    return this.inbound.settingsSeen || prefaceTimeoutMs === 0 ? NEVER : this.startedAt + prefaceTimeoutMs;
  }

  private settingsAck(): number {
    const { settingsAckTimeoutMs } = this.core.options;
    const sentAt = this.settings.oldestPending;
    return sentAt < 0 || settingsAckTimeoutMs === 0 ? NEVER : sentAt + settingsAckTimeoutMs;
  }

  private headerBlock(): number {
    const { headerBlockTimeoutMs } = this.core.options;
    const { sections } = this.inbound;
    return sections.isOpen && headerBlockTimeoutMs !== 0 ? sections.openSince + headerBlockTimeoutMs : NEVER;
  }

  private idle(): number {
    const { idleTimeoutMs } = this.core.options;
    const { registry, idleSince, now } = this.core;
    if (registry.live.size !== 0 || idleTimeoutMs === 0) return NEVER;
    return (idleSince === UNSENT ? now : idleSince) + idleTimeoutMs;
  }

  private keepalive(): number {
    const { keepaliveIntervalMs, keepaliveTimeoutMs, keepaliveWhileIdle } = this.core.options;
    if (keepaliveIntervalMs === 0) return NEVER;
    const { keepaliveAt } = this.lifecycle;
    // Octets of any kind are a sign of life: the answer may stand behind a long response.
    if (keepaliveAt >= 0) return Math.max(keepaliveAt, this.core.lastReceived) + keepaliveTimeoutMs;
    if (keepaliveAt === UNSENT) return NEVER;
    if (this.core.registry.live.size === 0 && !keepaliveWhileIdle) return NEVER;
    return this.core.lastReceived + keepaliveIntervalMs;
  }

  private stall(): number {
    const { writeStallTimeoutMs } = this.core.options;
    if (writeStallTimeoutMs === 0 || this.core.registry.live.size === 0) return NEVER;
    return this.stallCheckedAt + writeStallTimeoutMs / STALL_CHECKS;
  }

  /** The end of a pause of reading: nothing to do but to look again. */
  private pause(): number {
    const { pausedUntil } = this.core.guard;
    return pausedUntil > this.core.now ? pausedUntil : NEVER;
  }

  /**
   * Looks at every stream whose queue waits and that sent less than `WRITE_PROGRESS_BYTES` in the whole time. For want of
   * its own window it is reset. Where it has one, others had their turns before it, which is no fault of the peer; but if
   * all together did not send as much for each that waits, the peer holds up the connection, which ends.
   */
  private checkStalls(now: number): void {
    const { core } = this;
    this.stallCheckedAt = now;
    const { sender } = core;
    const streams = core.registry.live.values();
    let waiting = 0;
    for (const stream of streams) if (stream.head !== null) waiting++;
    for (const stream of streams) {
      if (stream.head === null) continue;
      const began = stream.waitingSince < 0 || stream.sentSince >= WRITE_PROGRESS_BYTES;
      if (!began && now - stream.waitingSince < core.options.writeStallTimeoutMs) continue;
      if (!began && stream.sendWindow <= 0) {
        core.streamError(stream, 'write.stalled', 0);
        continue;
      }
      if (!began && sender.sent - stream.sentBefore < WRITE_PROGRESS_BYTES * waiting) {
        throw new ConnectionError('write.stalled', stream.id, 0);
      }
      stream.waitingSince = now;
      stream.sentSince = 0;
      stream.sentBefore = sender.sent;
    }
  }

  private shutdown(): number {
    const { shutdownPingAt } = this.lifecycle;
    return shutdownPingAt < 0 ? NEVER : shutdownPingAt + SHUTDOWN_PING_TIMEOUT_MS;
  }

  /** Time is about to go on from `core.now`: what became idle since it was last told did so then, at the latest. */
  tick(): void {
    const { core } = this;
    if (core.idleSince === UNSENT) core.idleSince = core.now;
  }

  /**
   * Output is being taken at `core.now`: what is timed from its leaving begins now. Commands know no time, so whatever they
   * begin waits for this.
   */
  stamp(): void {
    const { core, lifecycle } = this;
    if (lifecycle.shutdownPingAt === UNSENT) lifecycle.shutdownPingAt = core.now;
    if (lifecycle.keepaliveAt === UNSENT) lifecycle.keepaliveAt = core.now;
    this.tick();
    this.settings.stamp();
  }

  /** The earliest moment at which `expire` has something to do, ms; Infinity: none. */
  next(): number {
    return Math.min(
      this.preface(),
      this.settingsAck(),
      this.headerBlock(),
      this.idle(),
      this.keepalive(),
      this.stall(),
      this.pause(),
      this.shutdown(),
    );
  }

  /** Does what is due at `now`; throws a `ConnectionError` where the peer was too slow. */
  expire(now: number): void {
    if (now >= this.preface()) throw new ConnectionError('preface.timeout', 0, 0);
    if (now >= this.settingsAck()) throw new ConnectionError('settings.timeout', 0, 0);
    if (now >= this.headerBlock()) throw new ConnectionError('continuation.timeout', 0, 0);
    if (now >= this.keepalive()) {
      if (this.lifecycle.keepaliveAt >= 0) throw new ConnectionError('keepalive.timeout', 0, 0);
      this.lifecycle.sendKeepalive();
    }
    if (now >= this.stall()) this.checkStalls(now);
    if (now >= this.shutdown()) this.lifecycle.finishShutdown();
    if (now >= this.idle()) this.lifecycle.closeIdle();
  }
}
