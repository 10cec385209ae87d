import type { Backend } from '../exchange/legs.ts';
import { NO_TRACE, type Trace } from '../trace/trace.ts';
import { cleartextDialer } from './dial.ts';
import { Http1Pool } from './http1/pool.ts';
import { resolveUpstreamOptions, type UpstreamOptions } from './options.ts';
import { parseTarget } from './target.ts';

/**
 * Makes the backend for a URL: `http://` speaks HTTP/1.1. Nothing is dialled before the first exchange. Throws an Error for
 * a URL or an option that cannot be used.
 */
export function createBackend(url: string, options: UpstreamOptions = {}, trace: Trace = NO_TRACE): Backend {
  const target = parseTarget(url);
  const resolved = resolveUpstreamOptions(options);
  return new Http1Pool(target, resolved, trace, cleartextDialer(target, resolved));
}
