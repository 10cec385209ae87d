import { OptionError } from '../errors.ts';
import type { CoreOptions } from '../options/options.ts';
import type { Tap } from '../tap.ts';
import { checkListeners, checkObject } from './given.ts';
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

/** Options with something to be called: what is none of that shows when a peer sends, unless it shows here. */
const LISTENERS = ['onUnknownFrame', 'onInvalidField', 'onAltSvc', 'onOrigins', 'isAuthoritative'];

/** Throws a `UsageError` for options that are none, an `OptionError` for what cannot be called among them. */
export function checkOptions(options: SessionOptions): void {
  checkObject('api.option', 'options are an object', options);
  checkListeners(options, LISTENERS);
  const { tap = null } = options;
  if (tap !== null && typeof tap.onFrame !== 'function') throw new OptionError('tap', tap, 'a Tap, or null');
}
