/** How the gateway wants JavaScript's engine to behave. */
import { setFlagsFromString } from 'node:v8';

/**
 * V8 makes the space for new objects as small as 1 MiB when a process is idle for a while, and then doubles it only after as
 * many octets as it holds have survived: under the next load it collects garbage at every turn until it is at its 16 MiB
 * again. With this it goes there in one step. Read at each growth, so it may be set at any time; what V8 does not know it
 * says on standard error and passes over.
 */
export const ENGINE_FLAGS = '--semi-space-growth-factor=16';

/** Call once, before there is anything to do. */
export function tuneEngine(): void {
  setFlagsFromString(ENGINE_FLAGS);
}
