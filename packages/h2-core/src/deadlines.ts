import type { Core } from './core.ts';
import type { Inbound } from './inbound.ts';
import { SHUTDOWN_PING_TIMEOUT_MS, WRITE_PROGRESS_BYTES } from './limits.ts';
import { ConnectionError } from './rules.ts';
import type { SettingsExchange } from './settings-exchange.ts';

/** What the deadlines make the connection do. */
export interface DeadlineActions {
  sendKeepalive(): void;
  finishShutdown(): void;
  closeIdle(): void;
}

/** Checks for stalled streams in one stall timeout: what the timeout may be late by is a sixth of it. */
const STALL_CHECKS = 6;

const NEVER: number = Number.POSITIVE_INFINITY;

/** All timers of a connection, computed from when things happened: no timer runs inside the core. */
export class Deadlines {
  /** When the PING of graceful shutdown left, ms; -1: none. */
  shutdownPingAt = -1;
  /** When the keepalive PING left, ms; -1: none outstanding. */
  keepaliveAt = -1;
  private stallCheckedAt: number;
  private readonly core: Core;
  private readonly inbound: Inbound;
  private readonly settings: SettingsExchange;
  private readonly actions: DeadlineActions;
  private readonly startedAt: number;

  constructor(core: Core, inbound: Inbound, settings: SettingsExchange, actions: DeadlineActions) {
    this.core = core;
    this.inbound = inbound;
    this.settings = settings;
    this.actions = actions;
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
    return this.core.registry.live.size === 0 && idleTimeoutMs !== 0 ? this.core.idleSince + idleTimeoutMs : NEVER;
  }

  private keepalive(): number {
    const { keepaliveIntervalMs, keepaliveTimeoutMs } = this.core.options;
    if (keepaliveIntervalMs === 0) return NEVER;
    if (this.keepaliveAt >= 0) return this.keepaliveAt + keepaliveTimeoutMs;
    return this.core.registry.live.size === 0 ? NEVER : this.core.lastReceived + keepaliveIntervalMs;
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
   * Looks at every stream whose queue waits. One that sent less than `WRITE_PROGRESS_BYTES` in the whole time is reset;
   * where the connection window or the transport is what holds it, the connection ends.
   */
  private checkStalls(now: number): void {
    const { core } = this;
    this.stallCheckedAt = now;
    for (const stream of [...core.registry.live.values()]) {
      if (stream.head === null) continue;
      if (stream.waitingSince < 0 || stream.sentSince >= WRITE_PROGRESS_BYTES) {
        stream.waitingSince = now;
        stream.sentSince = 0;
      } else if (now - stream.waitingSince >= core.options.writeStallTimeoutMs) {
        if (core.sender.window <= 0 || core.transportFull) throw new ConnectionError('write.stalled', stream.id, 0);
        core.streamError(stream, 'write.stalled', 0);
      }
    }
  }

  private shutdown(): number {
    return this.shutdownPingAt < 0 ? NEVER : this.shutdownPingAt + SHUTDOWN_PING_TIMEOUT_MS;
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
      if (this.keepaliveAt >= 0) throw new ConnectionError('keepalive.timeout', 0, 0);
      this.actions.sendKeepalive();
    }
    if (now >= this.stall()) this.checkStalls(now);
    if (now >= this.shutdown()) this.actions.finishShutdown();
    if (now >= this.idle()) this.actions.closeIdle();
  }
}
