/** Moments on the caller's clock are milliseconds of at least 0; these stand for what has no moment yet. */

/** Counts from when the octets leave, which they have not yet. */
export const UNSENT = -2;
/** Is not to come. */
export const NONE = -1;
