import { MAX_WINDOW } from '../frame/types.ts';

/** What is known of a path's bandwidth-delay product: the octets that are under way when it is full. */
export interface BdpEstimate {
  /** The receive window to give, octets 0..2^31-1: for `setTargetWindowSize`, and for streams that should fill the path alone. */
  readonly window: number;
  /** The greatest rate measured, octets per millisecond; 0 before the first measurement. */
  readonly peakRate: number;
}

/** A window is the bottleneck when so much of it arrived in one round trip. */
const FILLED = 2 / 3;
/** Windows are twice what arrived, so that the next measurement can show whether there is more. */
const HEADROOM = 2;

/** An estimate to begin with. `window`: the one in force, octets 0..2^31-1. */
export function bdpStart(window: number): BdpEstimate {
  return { window, peakRate: 0 };
}

/**
 * Takes one measurement into an estimate: `octets` of DATA came between sending a PING and its answer, which took `rttMs`
 * milliseconds. The window grows to twice the octets when they filled it and came faster than ever before; it does not when
 * the round trip only became longer (a queue on the path grows with the window, its rate does not). It never shrinks and never
 * exceeds `maxWindow` (octets, default and greatest 2^31-1). Pure: the same arguments, the same answer. Where nothing changes,
 * `estimate` itself is returned.
 */
export function bdpSample(
  estimate: BdpEstimate,
  octets: number,
  rttMs: number,
  maxWindow: number = MAX_WINDOW,
): BdpEstimate {
  const rate = octets / Math.max(rttMs, 0.001);
  if (!(rate > estimate.peakRate)) return estimate;
  const limit = Math.min(maxWindow, MAX_WINDOW);
  const wanted = octets >= estimate.window * FILLED ? Math.ceil(octets * HEADROOM) : 0;
  return { window: Math.max(estimate.window, Math.min(wanted, limit)), peakRate: rate };
}
