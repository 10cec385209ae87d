/** What a request with Upgrade offers (RFC 9110 7.8), read the same for every protocol it may name. */
import type { RawRequest } from './http1-rules.ts';

/** The offer of a request that may be taken up. */
export interface UpgradeOffer {
  /** Tokens of Connection, lower case. */
  readonly connection: readonly string[];
  /** Tokens of Upgrade, lower case. */
  readonly upgrade: readonly string[];
  /** The value of the field that goes with the protocol, null without one. */
  readonly value: string | null;
}

/**
 * Reads an offer; `field` is the field that goes with the protocol, in lower case. Null when the request cannot be taken
 * up: not HTTP/1.1, that field twice, or a body, which would have to be read to its end, as HTTP/1.1, before the first
 * octet of another protocol may go out.
 */
export function upgradeOffer(raw: RawRequest, field: string): UpgradeOffer | null {
  if (raw.httpVersion !== '1.1') return null;
  const connection: string[] = [];
  const upgrade: string[] = [];
  let value: string | null = null;
  for (let i = 0; i + 1 < raw.rawHeaders.length; i += 2) {
    const given = raw.rawHeaders[i + 1]!;
    const name = raw.rawHeaders[i]!.toLowerCase();
    if (name === 'connection') addTokens(connection, given);
    else if (name === 'upgrade') addTokens(upgrade, given);
    else if (name === 'transfer-encoding' || (name === 'content-length' && given !== '0')) return null;
    else if (name === field) {
      if (value !== null) return null;
      value = given;
    }
  }
  return { connection, upgrade, value };
}

/** The members of a comma-separated list, in lower case, added to `tokens`. */
function addTokens(tokens: string[], list: string): void {
  for (const token of list.split(',')) tokens.push(token.trim().toLowerCase());
}
