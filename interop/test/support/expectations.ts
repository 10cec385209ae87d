import { createHash } from 'node:crypto';
import { pattern } from '../../hosts/check.ts';

/** Octets of the large response and of the large request: beyond every window. */
export const LARGE = 4_194_304;
export const POSTED = 3_000_000;

/** SHA-256 as hexadecimal digits. */
export function digest(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** What is tried with a client of other people, and what it is to report. */
export const OF_A_CLIENT = {
  get: { title: 'GET of 4 MiB', report: `200 ${digest(pattern(LARGE))}` },
  post: { title: 'POST of 3 MB, echoed as it comes', report: `200 ${digest(pattern(POSTED))}` },
  head: { title: 'HEAD', report: '200 0' },
  trailersDown: { title: 'trailers of the response', report: 'x-sum=42' },
  trailersUp: { title: 'trailers of the request', report: '10 sent' },
  hints: { title: '103 before the response', report: '103 </a.css>; rel=preload 200' },
  reset: { title: 'reset by us', report: 'ENHANCE_YOUR_CALM' },
  cancel: { title: 'cancelled by the client, which goes on', report: '404' },
  shutdown: { title: 'graceful shutdown during a response', report: 'half done' },
  push: { title: 'push', report: '/pushed pushed body' },
} as const;

/** A row of `OF_A_CLIENT`. */
export type ClientFeature = keyof typeof OF_A_CLIENT;

/** What our client tries with a server of other people, and what it is to see. */
export const OF_A_SERVER = {
  get: { title: 'GET of 4 MiB', seen: OF_A_CLIENT.get.report },
  post: { title: 'POST of 3 MB, echoed', seen: OF_A_CLIENT.post.report },
  head: { title: 'HEAD', seen: '200 0' },
  many: { title: 'a hundred requests at once', seen: '100 answered' },
  trailersDown: { title: 'trailers of the response', seen: 'x-sum=42' },
  trailersUp: { title: 'trailers of the request', seen: '10 sent' },
  hints: { title: '103 before the response', seen: OF_A_CLIENT.hints.report },
  push: { title: 'push', seen: '/pushed pushed body' },
  ping: { title: 'PING', seen: 'answered' },
  reset: { title: 'reset by the server, and the connection goes on', seen: 'stream error by remote, then 404' },
  cancel: { title: 'cancelled by us, which the server hears of', seen: '404' },
  shutdown: { title: 'graceful shutdown during a response', seen: 'half done, GOAWAY 0, closed cleanly' },
} as const;

/** A row of `OF_A_SERVER`. */
export type ServerFeature = keyof typeof OF_A_SERVER;
