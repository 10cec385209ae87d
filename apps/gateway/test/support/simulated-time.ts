/**
 * Time that passes only when the test says so, while sockets are real. A timeout of the gateway cannot end before what the
 * test does has arrived, however busy the machine is, and none has to be waited for.
 */
import { vi } from 'vitest';

const SIMULATED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] as const;
/** Steps in which time passes, so that what happens every few milliseconds meets what the sockets bring. */
const STEP_MS = 10;
/** Simulated time in which what is waited for has to happen. */
const MAX_MS = 10_000;

/** A time that passes when it is told to, until the end of its scope. */
export interface SimulatedTime extends Disposable {
  pass(ms: number): Promise<void>;
  /** Lets time pass until it holds. */
  until(what: string, holds: () => boolean): Promise<void>;
}

/** From here to the end of the scope; what is to live in simulated time is started afterwards. */
export function simulateTime(): SimulatedTime {
  const before = performance.now();
  vi.useFakeTimers({ toFake: [...SIMULATED] });
  const began = Date.now();
  // The object that all modules share, however they came by it.
  const now = vi.spyOn(performance, 'now').mockImplementation(() => before + Date.now() - began);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await vi.advanceTimersByTimeAsync(Math.min(STEP_MS, left));
      await new Promise(setImmediate);
    }
  };
  return {
    pass,
    async until(what, holds) {
      for (let passed = 0; !holds(); passed += STEP_MS) {
        if (passed > MAX_MS) throw new Error(`did not happen within ${MAX_MS} ms of simulated time: ${what}`);
        await pass(STEP_MS);
      }
    },
    [Symbol.dispose]: () => {
      now.mockRestore();
      vi.useRealTimers();
    },
  };
}
