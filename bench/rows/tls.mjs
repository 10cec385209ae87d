/** P4: the core over TLS, against node:http2 and nghttpd over TLS. */

import { startCoreTls, startNghttpd, startNodeHttp2Tls } from '../lib/servers.mjs';
import { shapes } from './core.mjs';

const SERVERS = [
  ['core', startCoreTls],
  ['node:http2', startNodeHttp2Tls],
  ['nghttpd (nghttp2-server)', () => startNghttpd({ tls: true })],
];

/** Goals against nghttpd differ by shape: the fewer requests share a record, the more of the work is OpenSSL's. */
const TARGETS = [
  ['10x100', 1],
  ['100x10', 0.75],
  ['100x1', 0.9],
];

export async function p4(out) {
  for (const [name, nghttpd] of TARGETS) await shapes('P4', [name], { nghttpd }, out, SERVERS, { tls: true });
}
