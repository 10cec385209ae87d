import type { Connection } from '../connection.ts';
import { OptionError } from '../errors.ts';
import { type BdpEstimate, bdpSample, bdpStart } from '../flow/bdp.ts';
import { MAX_WINDOW } from '../frame/types.ts';
import { SettingId } from '../settings/settings.ts';

/**
 * Measures, with a PING while octets come, what the path can hold, and widens the receive windows to it. One measurement for
 * each half window received: peers take too many PINGs for a flood.
 */
export class WindowTuner {
  private readonly core: Connection;
  private readonly ping: () => Promise<number>;
  private readonly maxWindow: number;
  private estimate: BdpEstimate;
  /** Octets since the last measurement began. */
  private received = 0;
  private measuring = false;

  constructor(core: Connection, ping: () => Promise<number>, window: number, maxWindow: number) {
    if (!Number.isInteger(maxWindow) || maxWindow < 0 || maxWindow > MAX_WINDOW) {
      throw new OptionError('maxTunedWindowSize', maxWindow, `an integer from 0 to ${MAX_WINDOW}`);
    }
    this.core = core;
    this.ping = ping;
    this.maxWindow = maxWindow;
    this.estimate = bdpStart(window);
  }

  /** Octets of DATA came. */
  onData(octets: number): void {
    this.received += octets;
    if (this.measuring || this.received < this.estimate.window >>> 1) return;
    this.measuring = true;
    this.received = 0;
    this.ping().then(
      rttMs => this.measured(rttMs),
      // The connection is over.
      () => {},
    );
  }

  private measured(rttMs: number): void {
    this.measuring = false;
    const { core, estimate, received, maxWindow } = this;
    this.estimate = bdpSample(estimate, received, rttMs, maxWindow);
    const { window } = this.estimate;
    if (window === estimate.window || core.isClosed) return;
    core.updateSettings([SettingId.INITIAL_WINDOW_SIZE, window]);
    if (window > core.receiveTarget) core.setTargetWindowSize(window);
  }
}
