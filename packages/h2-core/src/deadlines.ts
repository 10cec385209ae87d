import type { Core } from './core.ts';
import type { Inbound } from './inbound.ts';
import { SHUTDOWN_PING_TIMEOUT_MS } from './limits.ts';
import { ConnectionError } from './rules.ts';
import type { SettingsExchange } from './settings-exchange.ts';

/** What the deadlines make the connection do. */
export interface DeadlineActions {
  sendKeepalive(): void;
  finishShutdown(): void;
  closeIdle(): void;
}

const NEVER: number = Number.POSITIVE_INFINITY;

/** All timers of a connection, computed from when things happened: no timer runs inside the core. */
export class Deadlines {
  /** When the PING of graceful shutdown left, ms; -1: none. */
  shutdownPingAt = -1;
  /** When the keepalive PING left, ms; -1: none outstanding. */
  keepaliveAt = -1;
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
    if (now >= this.shutdown()) this.actions.finishShutdown();
    if (now >= this.idle()) this.actions.closeIdle();
  }
}
