import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { Target } from './target.ts';

/** Resolves a host to all of its addresses; null: it cannot be told now. */
export type Resolve = (host: string, done: (addresses: readonly string[] | null) => void) => void;

const resolveHost: Resolve = (host, done) => {
  lookup(host, { all: true }, (error, found) => done(error === null ? found.map(({ address }) => address) : null));
};

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
    onAddresses: (addresses: ReadonlySet<string>) => void,
    resolve: Resolve = resolveHost,
  ) {
    const { host, socketPath } = target;
    const isFixed = socketPath !== null || isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost');
    if (intervalMs === 0 || isFixed) {
      this.#timer = null;
      return;
    }
    const told = (addresses: readonly string[] | null): void => {
      if (addresses !== null && addresses.length > 0) onAddresses(new Set(addresses));
    };
    this.#timer = setInterval(() => resolve(host, told), intervalMs).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
