/**
 * How long a test waits at most for what must happen. No test passes or fails sooner for it: it only bounds the wait for
 * what never comes, so it is far above what anything takes on a machine that does other things as well.
 */
export const PATIENCE_MS = 15_000;

/** The same, for `vi.waitFor` and `expect.poll`. */
export const PATIENCE = { timeout: PATIENCE_MS, interval: 20 } as const;
