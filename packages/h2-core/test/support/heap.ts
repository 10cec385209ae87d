/** What a test needs to see memory: a collector to call, the heap after it, and whether something is still there. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Several turns of the event loop, each followed by a collection: what only a closing socket held is gone then. */
export async function settled(rounds = 3): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await new Promise<void>(done => setImmediate(done));
    collect();
  }
}

/** Octets of the heap and of array buffers that are in use. */
export async function heap(): Promise<number> {
  await settled();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What compiling and the like may take while code runs for the first time, octets; no leak is as small. */
export const SLACK = 1_000_000;

/** Octets that `count` repetitions leave behind, after a tenth as many to warm up. */
export async function leftBehind(count: number, run: (count: number) => Promise<void>): Promise<number> {
  await run(Math.ceil(count / 10));
  const before = await heap();
  await run(count);
  return (await heap()) - before;
}

/** Settles when the object is collected; fails when it is still there after some fifty collections. */
export async function collected(ref: WeakRef<object>): Promise<void> {
  for (let round = 0; round < 50; round++) {
    await settled(1);
    if (ref.deref() === undefined) return;
  }
  throw new Error('the object is still there');
}

/** What part of a whole run GLASSWAY_MEMORY asks for, 0..1; 0: what the suite does. */
export const PART: number = Number(process.env['GLASSWAY_MEMORY'] ?? 0);

/** How often to repeat: `quick` in the suite, else a part of `whole`. */
export function repetitions(quick: number, whole: number): number {
  return PART === 0 ? quick : Math.ceil(whole * PART);
}
