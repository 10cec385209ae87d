import { readFileSync } from 'node:fs';
import { formatAddress, isLoopback, type ListenAddress } from './config/address.ts';
import type { Gateway } from './gateway.ts';

/** This package's version. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** What the user should know once the gateway serves: where, for whom, and how to try it. */
export function banner(gateway: Gateway, upgrade: boolean): string {
  const { https, http, rootCertificatePath } = gateway;
  const rows: [string, string][] = [];
  if (https !== null) rows.push([`https://${shown(https)}`, 'h2, http/1.1']);
  if (http !== null)
    rows.push([
      `http://${shown(http)}`,
      `http/1.1, h2c ${upgrade ? '(Upgrade or prior knowledge)' : '(prior knowledge)'}`,
    ]);
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`);
  return `\nglassway ${VERSION}\n\n${lines.join('\n')}\n\n  ${tryIt(https, http, rootCertificatePath)}\n\n`;
}

function tryIt(https: ListenAddress | null, http: ListenAddress | null, root: string | null): string {
  if (https === null) return `try it: curl http://${shown(http!)}/`;
  const url = `https://${shown(https)}/`;
  if (root === null) return `try it: curl ${url}`;
  return `try it: curl --cacert ${quoted(root)} ${url}   (or curl -k; browsers need that root imported)`;
}

/** Certificates and people like names better. */
function shown(address: ListenAddress): string {
  return isLoopback(address.host) && !address.host.includes(':') ? `localhost:${address.port}` : formatAddress(address);
}

function quoted(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
