import type { CoreOptions } from '../options/options.ts';
import type { Tap } from '../tap.ts';
import type { FrameListeners } from './session-state.ts';

/** What can be set on a session of either role; all have defaults. */
export interface SessionOptions extends Omit<CoreOptions, 'automaticPingAck'>, FrameListeners {
  /** Observer of everything that happens on the connection. Default null. */
  readonly tap?: Tap | null;
  /**
   * Widen the receive windows of the connection and of its streams up to this many octets, as far as the path's
   * bandwidth-delay product asks for it: measured by a PING for each half window of DATA, see `bdpSample`. Default 0: the
   * windows stay as they are. Range 0..2^31-1.
   */
  readonly maxTunedWindowSize?: number;
}
