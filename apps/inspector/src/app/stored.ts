/** Values that this browser keeps. What was kept may be from another release, or not be ours at all. */

/** The value kept under `key` if `read` makes something of it, else `otherwise`. */
export function stored<T>(key: string, read: (value: unknown) => T | null, otherwise: T): T {
  try {
    return read(JSON.parse(localStorage.getItem(key) ?? 'null')) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keeps a value; without a word where the browser allows none, as in private windows that are full. */
export function store(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // It holds until the page is closed.
  }
}
