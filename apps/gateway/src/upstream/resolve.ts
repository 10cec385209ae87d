import { lookup } from 'node:dns';

/** Resolves a host name to all of its addresses, at least one without an error. Answers in a later turn. */
export type Resolve = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly string[]) => void,
) => void;

/** As the system does it. */
export const systemResolve: Resolve = (host, done) => {
  lookup(host, { all: true }, (error, found) => {
    if (error !== null) done(error, []);
    else
      done(
        null,
        found.map(({ address }) => address),
      );
  });
};
