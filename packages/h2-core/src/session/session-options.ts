import type { CoreOptions } from '../options.ts';
import type { Tap } from '../tap.ts';
import type { FrameListeners } from './session-state.ts';

/** What can be set on a session of either role; all have defaults. */
export interface SessionOptions extends Omit<CoreOptions, 'automaticPingAck'>, FrameListeners {
  /** Observer of everything that happens on the connection. Default null. */
  readonly tap?: Tap | null;
}
