import type { Fields } from './build.ts';

/** Fields that belong to an HTTP/1.1 connection. RFC 9113 8.2.2. */
const CONNECTION_FIELDS: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
];

/** What RFC 9113 8.2 and 8.3 ask of the field sections that one side sends. */
export class SectionRules {
  private readonly role: 'client' | 'server';

  constructor(role: 'client' | 'server') {
    this.role = role;
  }

  /** True for a response's head with a 1xx status. */
  isInformational(fields: Fields): boolean {
    return this.role === 'server' && /^1/.test(value(fields, ':status'));
  }

  /** What is wrong with a section; null: nothing. `isTrailers`: a final head came before it; `ends`: it has END_STREAM. */
  problem(fields: Fields, isPromise: boolean, isTrailers: boolean, ends: boolean): string | null {
    let regular = false;
    const pseudo: string[] = [];
    for (const [name, text] of fields) {
      if (name.startsWith(':')) {
        if (regular) return `${name} after a regular field (8.3)`;
        if (pseudo.includes(name)) return `${name} twice (8.3)`;
        pseudo.push(name);
      } else {
        regular = true;
        if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) return `the field name ${JSON.stringify(name)} (8.2.1)`;
        if (CONNECTION_FIELDS.includes(name)) return `${name} is for HTTP/1.1 (8.2.2)`;
        if (name === 'te' && text !== 'trailers') return `te: ${text} (8.2.2)`;
      }
      if (/[\0\r\n]|^[ \t]|[ \t]$/.test(text)) return `the value of ${name} (8.2.1)`;
    }
    if (isTrailers && !isPromise) {
      if (pseudo.length !== 0) return `${pseudo[0]} in trailers (8.1)`;
      return ends ? null : 'trailers without END_STREAM (8.1)';
    }
    if (this.role === 'server' && !isPromise) return this.responseProblem(fields, pseudo, ends);
    return requestProblem(fields, pseudo);
  }

  private responseProblem(fields: Fields, pseudo: readonly string[], ends: boolean): string | null {
    if (pseudo.join() !== ':status') return `a response with ${pseudo.join(' ') || 'no pseudo-field'} (8.3.2)`;
    const status = value(fields, ':status');
    if (!/^[1-9][0-9][0-9]$/.test(status) || status === '101') return `:status ${status} (8.6)`;
    return ends && this.isInformational(fields) ? 'a 1xx response with END_STREAM (8.1)' : null;
  }
}

function requestProblem(fields: Fields, pseudo: readonly string[]): string | null {
  const needed = [':method'];
  const isConnect = value(fields, ':method') === 'CONNECT';
  if (isConnect && !pseudo.includes(':protocol')) needed.push(':authority');
  else needed.push(':scheme', ':path');
  for (const name of needed) if (!pseudo.includes(name)) return `a request without ${name} (8.3.1)`;
  const unknown = pseudo.find(name => ![...needed, ':authority', ':protocol'].includes(name));
  return unknown === undefined ? null : `a request with ${unknown} (8.3.1, 8.5)`;
}

function value(fields: Fields, name: string): string {
  return fields.find(([is]) => is === name)?.[1] ?? '';
}
