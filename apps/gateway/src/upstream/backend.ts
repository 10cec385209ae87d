/**
 * The backends' side of the gateway: `createBackend` gives for each scheme the pool that speaks it.
 *
 *     http://   Http1Pool                     HTTP/1.1
 *     h2c://    H2Pool                        HTTP/2 with prior knowledge
 *     h2://     H2Pool over TLS               HTTP/2 by ALPN or not at all
 *     https://  AlpnBackend -> one of both    what ALPN says
 */
import type { Backend } from '../exchange/legs.ts';
import { NO_TRACE, type Trace } from '../trace/trace.ts';
import { AlpnBackend } from './alpn-backend.ts';
import { cleartextDialer } from './dial.ts';
import { H2Pool } from './h2/pool.ts';
import { Http1Pool } from './http1/pool.ts';
import { resolveUpstreamOptions, type UpstreamOptions } from './options.ts';
import { parseTarget } from './target.ts';
import { tlsDialer } from './tls-dial.ts';

export type { UpstreamOptions } from './options.ts';
export { type ProbeResult, probe } from './probe.ts';

/**
 * Makes the backend for a URL. Nothing is dialled before the first exchange. Throws an Error for a URL or an option that
 * cannot be used.
 */
export function createBackend(url: string, options: UpstreamOptions = {}, trace: Trace = NO_TRACE): Backend {
  const target = parseTarget(url);
  const resolved = resolveUpstreamOptions(options);
  switch (target.scheme) {
    case 'http':
      return new Http1Pool(target, resolved, trace, cleartextDialer(target, resolved));
    case 'h2c':
      return new H2Pool(target, resolved, trace, cleartextDialer(target, resolved));
    case 'h2':
      return new H2Pool(target, resolved, trace, tlsDialer(target, resolved, 'h2'));
    case 'https':
      return new AlpnBackend(target, resolved, trace);
    default:
      return target.scheme satisfies never;
  }
}
