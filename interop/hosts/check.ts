/** What a check needs, in any host: no module of a host is imported here. */

/** Fails unless both are the same, as JSON writes them. */
export function same(seen: unknown, wanted: unknown, what = ''): void {
  const [left, right] = [JSON.stringify(seen), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${what}${what === '' ? '' : ': '}expected ${right}, saw ${left}`);
}

/** Fails unless it is true. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** Octets that tell their place, so that lost and swapped ones show. */
export function pattern(length: number, from = 0): Uint8Array {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = ((from + i) * 31 + ((from + i) >>> 8)) & 0xff;
  return octets;
}

/** Fails unless `octets` are `pattern(length)`. */
export function samePattern(octets: Uint8Array, length: number): void {
  same(octets.length, length, 'octets');
  const wanted = pattern(length);
  for (let i = 0; i < length; i++) if (octets[i] !== wanted[i]) throw new Error(`octet ${i} of ${length} is wrong`);
}

/** What a promise fails with; a promise that does not fail, does. */
export async function failure(promise: Promise<unknown>): Promise<{ rule?: string; codeName?: string; name: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was to fail, and did not');
}

interface Timers {
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The promise's value, or a failure when it takes too long. */
export async function within<Value>(ms: number, promise: Promise<Value>): Promise<Value> {
  const { setTimeout, clearTimeout } = globalThis as unknown as Timers;
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
