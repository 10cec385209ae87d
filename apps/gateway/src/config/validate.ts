/** What `glassway validate` prints: what the settings come to, as the gateway would use them. */
import { formatAddress } from './address.ts';
import { type PoolSettings, poolOf } from './pool-settings.ts';
import type { RouteSettings } from './route-settings.ts';
import { certificatesOf, type Settings } from './settings.ts';

/** Listeners, certificates, routes in the order in which they are tried, and the pools they lead to. */
export function describeSettings(settings: Settings): string {
  const lines: string[] = ['listeners'];
  for (const key of ['https', 'http', 'inspector', 'admin'] as const) {
    const address = settings[key];
    lines.push(`  ${key.padEnd(10)} ${address === null ? 'off' : formatAddress(address)}`);
  }
  if (settings.https !== null) {
    lines.push('certificates');
    const certificates = certificatesOf(settings);
    if (certificates.length === 0) lines.push('  made by the development authority');
    for (const { cert, names } of certificates)
      lines.push(`  ${cert}${names === undefined ? '' : ` for ${names.join(', ')}`}`);
  }
  lines.push('routes');
  for (const route of settings.routes) lines.push(`  ${describeMatch(route)} -> ${describeAction(route)}`);
  if (settings.to.length > 0) lines.push(`  everything else -> ${settings.to.join(', ')}`);
  const pools = Object.entries(settings.backends);
  if (pools.length > 0) lines.push('backends');
  for (const [name, pool] of pools) lines.push(`  ${name}: ${describePool(pool)}`);
  return `${lines.join('\n')}\n`;
}

function describeMatch({ host, path, prefix, method, headers = {}, priority }: RouteSettings): string {
  const parts: string[] = [];
  if (priority !== undefined && priority !== 0) parts.push(`[priority ${priority}]`);
  if (method !== undefined) parts.push(method.join('|'));
  parts.push(`${host === undefined ? '*' : host.join('|')}${path ?? `${(prefix ?? '/').replace(/\/$/, '')}/...`}`);
  for (const [name, value] of Object.entries(headers)) parts.push(`${name}: ${value}`);
  return parts.join(' ');
}

function describeAction({ to, redirect, respond, rewritePrefix }: RouteSettings): string {
  if (redirect !== undefined) {
    const { status, ...changes } = redirect;
    const what = Object.entries(changes).map(([key, value]) => `${key} ${value}`);
    return `redirect ${status} (${what.join(', ')})`;
  }
  if (respond !== undefined) return `respond ${respond.status}`;
  return `${to!.join(', ')}${rewritePrefix === undefined ? '' : ` as ${rewritePrefix}`}`;
}

function describePool(pool: PoolSettings): string {
  const targets = pool.targets.map(({ url, weight }) => (weight === 1 ? url : `${url} (weight ${weight})`));
  const how = pool.balance === 'hash' ? `hash of ${pool.hashOn}` : pool.balance;
  const more = [
    ...(pool.health === null ? [] : [`checked at ${pool.health.path}`]),
    ...(pool.maxInFlight === poolOf([]).maxInFlight ? [] : [`at most ${pool.maxInFlight} in flight`]),
  ];
  return `${targets.join(', ')}; ${[how, ...more].join(', ')}`;
}
