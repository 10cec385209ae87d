import { isIP } from 'node:net';
import type { Resolve } from './resolve.ts';
import type { Target } from './target.ts';

/**
 * Resolves a backend's name again from time to time: connections live for hours, and a name may meanwhile stand for other
 * machines. A name that cannot be resolved changes nothing.
 */
export class AddressWatch {
  readonly #timer: NodeJS.Timeout | null;

  /** `intervalMs` 0: never. `onAddresses` is told what the name stands for now; at least one. */
  constructor(
    target: Target,
    intervalMs: number,
    resolve: Resolve,
    onAddresses: (addresses: ReadonlySet<string>) => void,
  ) {
    const { host, socketPath } = target;
    const isFixed = socketPath !== null || isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost');
    if (intervalMs === 0 || isFixed) {
      this.#timer = null;
      return;
    }
    const told = (error: Error | null, addresses: readonly string[]): void => {
      if (error === null) onAddresses(new Set(addresses));
    };
    this.#timer = setInterval(() => resolve(host, told), intervalMs).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
