/**
 * How long a test waits at most for what must happen. No test passes or fails sooner for it: it only bounds the wait for
 * what never comes, so it is far above what anything takes on a machine that does other things as well.
 */
export const PATIENCE_MS = 15_000;

/** The same, for `vi.waitFor`. */
export const PATIENCE = { timeout: PATIENCE_MS, interval: 20 } as const;

/** The timers of the machine, whatever a test makes of time for those that it tests. */
export const real: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'> & { readonly now: () => number } = {
  setTimeout,
  clearTimeout,
  now: performance.now.bind(performance),
};
