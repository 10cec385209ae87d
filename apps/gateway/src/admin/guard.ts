/**
 * Who may talk to the inspector's listener. A page of any site can make a browser send requests to this machine, and a
 * name it controls can be made to resolve to 127.0.0.1; so the Host and the Origin are compared with the few that are
 * ours before anything else is looked at, and knowing the address is not enough: the token must be known too.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Headers that only a proxy adds. Nobody reaches the inspector through one. */
const PROXY_HEADERS = ['via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'] as const;

/** A refusal: what to answer. */
export interface Refusal {
  readonly status: number;
  /** A sentence for the person who sees it. */
  readonly text: string;
}

/** True for 127.0.0.0/8, ::1 and `localhost`. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** A new token: 128 bits, in 22 characters that need no escaping. */
export function newToken(): string {
  return randomBytes(16).toString('base64url');
}

/** Compares tokens in constant time. */
export class TokenCheck {
  readonly #token: Buffer;

  constructor(token: string) {
    this.#token = digest(token);
  }

  matches(candidate: string): boolean {
    return timingSafeEqual(digest(candidate), this.#token);
  }
}

/** Checks requests and tokens for one listener. */
export class Guard {
  readonly #hosts: ReadonlySet<string>;
  readonly #token: TokenCheck;

  /** `host` and `port` as listened on. */
  constructor(host: string, port: number, token: string) {
    const names = ['localhost', '127.0.0.1', '[::1]', host.includes(':') ? `[${host}]` : host];
    // A browser leaves the port out when it is the scheme's own.
    this.#hosts = new Set(names.flatMap(name => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])));
    this.#token = new TokenCheck(token);
  }

  /** Checks a request of any kind; null: it may be routed. */
  request(request: IncomingMessage): Refusal | null {
    const { host } = request.headersDistinct;
    if (host?.length !== 1 || !this.#hosts.has(host[0]!.toLowerCase())) {
      return { status: 403, text: 'This listener answers only to the address it was started on.' };
    }
    for (const name of PROXY_HEADERS) {
      if (request.headers[name] !== undefined) {
        return { status: 403, text: `The inspector is not served through a proxy (${name} is present).` };
      }
    }
    const target = request.url ?? '';
    if (!target.startsWith('/')) return { status: 400, text: 'The request target must be a path.' };
    const query = target.indexOf('?');
    if (query >= 0 && /(^|[?&])(token|auth|key)=/i.test(target.slice(query))) {
      return {
        status: 400,
        text: 'The token does not belong in the query, where logs and histories keep it. Use the printed address: it has the token behind #.',
      };
    }
    return null;
  }

  /** Checks a WebSocket upgrade on top of `request`: a page of ours, of this very host. */
  upgrade(request: IncomingMessage): Refusal | null {
    const origin = request.headersDistinct['origin'];
    const host = request.headers.host!.toLowerCase();
    if (origin?.length !== 1 || origin[0] !== `http://${host}`) {
      return { status: 403, text: 'Only the inspector page itself may open this WebSocket.' };
    }
    return null;
  }

  /** Compares a token in constant time. */
  token(candidate: string): boolean {
    return this.#token.matches(candidate);
  }
}

// Tokens of any length become equally long, so that the comparison tells nothing about the length either.
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
