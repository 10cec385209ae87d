import { type ListenAddress, localName } from './config/address.ts';
import type { Gateway } from './gateway.ts';
import type { ProbeResult } from './upstream/backend.ts';
import { VERSION } from './version.ts';

/** What the user should know once the gateway serves: where, for whom, and how to try it. */
export function banner(
  {
    https,
    http,
    inspectorUrl,
    rootCertificatePath,
  }: Pick<Gateway, 'https' | 'http' | 'inspectorUrl' | 'rootCertificatePath'>,
  upgrade: boolean,
  backends: readonly ProbeResult[],
): string {
  const rows: [left: string, right: string][] = [];
  if (https !== null) rows.push([`https://${localName(https)}`, 'h2, http/1.1']);
  if (http !== null) {
    rows.push([
      `http://${localName(http)}`,
      `http/1.1, h2c (${upgrade ? 'by Upgrade or prior knowledge' : 'by prior knowledge'})`,
    ]);
  }
  const width = Math.max(...[...rows, ...backends.map(({ url }) => [url])].map(([left]) => left!.length));
  const listeners = rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}\n`).join('');
  const targets = backends.map(({ url, confirmed, text }) => {
    return `  ${url.padEnd(width)}   backend, ${confirmed ? `speaks ${text}` : text}\n`;
  });
  const inspector = inspectorUrl === null ? '' : `  inspector   ${inspectorUrl}\n`;
  return `\nglassway ${VERSION}\n\n${listeners}${targets.join('')}\n${inspector}  try it      ${tryIt(https, http, rootCertificatePath)}\n\n`;
}

function tryIt(https: ListenAddress | null, http: ListenAddress | null, root: string | null): string {
  if (https === null) return `curl http://${localName(http!)}/`;
  const url = `https://${localName(https)}/`;
  if (root === null) return `curl ${url}`;
  return `curl --cacert ${quoted(root)} ${url}\n              (or curl -k; browsers need that root certificate imported)`;
}

/** For a shell. */
function quoted(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
