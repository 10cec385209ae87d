/** What programs give, looked at before it is used: a mistake is told where it was made, in words, and not by a TypeError. */
import { OptionError, UsageError } from '../errors.ts';

/** A value as a message shows it: short texts as they are, of other things what they are. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Throws a `UsageError` with `rule` for what is no object; `what`: what it is to be, as the beginning of a sentence. */
export function checkObject(rule: string, what: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) return;
  throw new UsageError(rule, `${what}, not ${shown(value)}`);
}

/** Throws an `OptionError` for a listener among `options` that cannot be called: it would be missed when a peer sends. */
export function checkListeners(options: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined && typeof value !== 'function') throw new OptionError(name, value, 'a function');
  }
}
