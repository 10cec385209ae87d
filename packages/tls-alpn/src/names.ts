import { isIP } from 'node:net';

/** DNS names as they stand in SNI and in certificates. */

/** Lower case, without the root dot; a name in SNI is already an A-label (RFC 6066 3). */
export function normalizeName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Whether a normalized name is a host name a certificate may carry; a wildcard only as the whole left-most label. */
export function isDnsName(name: string, wildcard: boolean): boolean {
  if (name.length === 0 || name.length > 253 || isIP(name) !== 0) return false;
  const labels = name.split('.');
  if (wildcard && labels[0] === '*' && labels.length > 1) labels.shift();
  return labels.every(label => LABEL.test(label));
}

/** Reads the DNS names out of the form in which Node prints subject alternative names, `DNS:a, DNS:*.b, IP Address:c`. */
export function dnsNamesOf(subjectAltName: string | undefined): string[] {
  const names: string[] = [];
  for (const entry of (subjectAltName ?? '').split(', ')) {
    // Node quotes an entry that holds a comma or a control character; no host name does.
    if (!entry.startsWith('DNS:')) continue;
    const name = normalizeName(entry.slice(4));
    if (isDnsName(name, true)) names.push(name);
  }
  return names;
}

/** Finds what a server name selects: the exact name first, then the wildcard one label up (RFC 9525 6.3). */
export class NameTable<T> {
  readonly #exact: Map<string, T> = new Map();
  readonly #wildcard: Map<string, T> = new Map();

  /** Adds a name or `*.` pattern. The first entry for a name keeps it. */
  add(name: string, value: T): void {
    const table = name.startsWith('*.') ? this.#wildcard : this.#exact;
    const key = name.startsWith('*.') ? name.slice(2) : name;
    if (!table.has(key)) table.set(key, value);
  }

  /** The entry for a normalized server name, or undefined. */
  find(name: string): T | undefined {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    return dot > 0 ? this.#wildcard.get(name.slice(dot + 1)) : undefined;
  }
}
