/**
 * Rules about where a request goes, the same for every protocol: which authority it names, and whether its scheme is
 * the transport's. What differs between HTTP/1.1 and HTTP/2 (syntax, framing) is checked where the protocol is read.
 */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { FieldList } from '@glassway/h2-core';
import { reasonField } from '../exchange/own-response.ts';
import { type Reason, reason } from '../exchange/reason.ts';

// RFC 3986 3.2.2 without userinfo (RFC 9113 8.3.1) and without the comma, which some backends take for a list.
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]{1,5}))?$/;

/** Whether this is a host with an optional port 1..65535, in the form backends agree about (D15). */
export function isAuthority(authority: string): boolean {
  const match = AUTHORITY.exec(authority);
  if (match === null) return false;
  const port = match[1];
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
}

/** Whether two authorities name the same origin: case does not matter, nor does the scheme's own port when written out. */
export function isSameAuthority(a: string, b: string, scheme: string): boolean {
  return a === b || originForm(a, scheme) === originForm(b, scheme);
}

function originForm(authority: string, scheme: string): string {
  const lower = authority.toLowerCase();
  const own = scheme === 'https' ? ':443' : ':80';
  return lower.endsWith(own) ? lower.slice(0, -own.length) : lower;
}

/**
 * The scheme must be one the gateway forwards, and when `strict` the one the client really used (D14): a request that
 * claims https on a cleartext connection would be taken for a confidential one behind the gateway. Null: fine.
 */
export function checkScheme(scheme: string, tls: boolean, strict: boolean): Reason | null {
  // Schemes are case-insensitive (RFC 3986 3.1), but clients must send the normal form and nothing else is needed.
  if (scheme !== 'http' && scheme !== 'https') {
    return reject(`the scheme "${scheme}" is neither http nor https`, '9113 8.3.1', 'request.scheme');
  }
  const own = tls ? 'https' : 'http';
  if (strict && scheme !== own) {
    return reject(
      `the request says ${scheme} on a connection that is ${own}`,
      '9110 7.4',
      'request.scheme-of-transport',
    );
  }
  return null;
}

/**
 * Judges authorities by a certificate (RFC 9110 7.4, RFC 9113 9.1.1): a client may use a connection for every name the
 * certificate covers, and a request for another one has lost its way.
 */
export function authoritiesOf(certificate: X509Certificate): (authority: string) => Reason | null {
  // Most connections carry one authority.
  let good = '';
  return authority => {
    if (authority === good) return null;
    const host = authority.replace(/:[0-9]*$/, '').replace(/^\[|\]$/g, '');
    const covered = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
    if (covered === undefined) {
      const text = `this connection's certificate does not cover "${host}"`;
      return reason('misdirected_request', text, { rfc: '9110 15.5.20' });
    }
    good = authority;
    return null;
  };
}

/** A request the gateway does not pass on because a rule of HTTP forbids it. `rule`: its stable id. */
export function reject(text: string, rfc: string, rule: string): Reason {
  return reason('request_rejected', text, { rfc, rule });
}

/**
 * A response the listener itself makes, for people at a terminal. The body is ASCII. `header`: name of the field that
 * carries the reason, empty for none.
 */
export function refusal(why: Reason, header: string): { readonly fields: FieldList; readonly body: string } {
  const rfc = why.rfc === '' ? '' : ` (RFC ${why.rfc})`;
  // A reason may quote the client, and latin1 at that.
  const body = `${why.status} ${why.code}: ${why.text}${rfc}\n`.replace(/[^\n\x20-\x7e]/g, '?');
  const fields = ['content-type', 'text/plain; charset=utf-8', 'content-length', String(body.length)];
  if (header !== '') fields.push(header, reasonField(why));
  return { fields, body };
}
