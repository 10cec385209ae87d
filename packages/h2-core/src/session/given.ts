/** What programs give, looked at before it is used: a mistake is told where it was made, in words, and not by a TypeError. */
import { OptionError, UsageError } from '../errors.ts';
import { shown } from '../shown.ts';

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
