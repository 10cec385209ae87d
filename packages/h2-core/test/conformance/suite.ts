/**
 * A conformance suite for HTTP/2 servers as an outside tool would run it: clause by clause, over a transport of the
 * caller, with octets made by hand. The server under test answers every request with 200 and a body of at least 10
 * octets (the trailers, if any, aside), once the request has ended, and not before.
 */
import { afterEach, describe } from 'vitest';
import { hpackClauses } from './clauses-hpack.ts';
import { messageClauses } from './clauses-messages.ts';
import { sectionClauses } from './clauses-sections.ts';
import { streamClauses } from './clauses-streams.ts';
import { typeClauses } from './clauses-types.ts';
import { genericClauses } from './generic.ts';
import { type ConformanceOptions, type Connect, Kit } from './kit.ts';

/** Declares the suite's tests for one server. `connect` is called once or more per test. */
export function conformance(connect: Connect, options: ConformanceOptions): void {
  const kit = new Kit(connect, options);
  afterEach(() => kit.closeAll());
  describe('generic: what any server does', () => genericClauses(kit));
  describe('RFC 9113 3 and 4: preface, frames, field sections', () => sectionClauses(kit));
  describe('RFC 9113 5: streams', () => streamClauses(kit));
  describe('RFC 9113 6 and 7: frame types and error codes', () => typeClauses(kit));
  describe('RFC 9113 8: messages', () => messageClauses(kit));
  describe('RFC 7541', () => hpackClauses(kit));
}
