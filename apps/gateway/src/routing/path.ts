/**
 * The one form of a request's path: what is matched is what is forwarded, so no backend can be talked into another resource
 * than the one the gateway agreed to (D25).
 */

const PERCENT = 0x25;
const DOT = 0x2e;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/**
 * The one form of an origin-form target in which it is matched and forwarded (RFC 3986 6.2.2): unreserved octets
 * unescaped, escapes in upper case, empty segments merged, dot segments resolved. `%2F`, `%5C` and `\` are kept as data
 * unless they help to spell a dot segment: backends that unescape them would resolve it, so it is resolved here, and so
 * is `..;parameter`, which some backends read as `..`. The query is never touched. `*` stays.
 *
 * Null: not a path that can be forwarded safely (a broken escape, an escaped NUL).
 */
export function normalizePath(target: string): string | null {
  if (target === '*') return target;
  if (target.charCodeAt(0) !== SLASH) return null;
  const end = pathEnd(target);
  if (isNormal(target, end)) return target;
  const path = unescapePath(target, end);
  if (path === null) return null;
  return resolve(path) + target.slice(end);
}

/**
 * How backends read a path in that form that take no notice of path parameters (RFC 3986 3.3) and unescape `%2F` and `%5C` before
 * they look for segments: such a backend serves `/admin` for `/admin;x`. Null: there is nothing they could read otherwise.
 */
export function otherReading(path: string): string | null {
  if (!path.includes(';') && !path.includes('%')) return null;
  const end = pathEnd(path);
  const plain = path.slice(0, end);
  const read = plain
    .replaceAll(/%2F|%5C/g, '/')
    .replaceAll(/;[^/]*/g, '')
    .replaceAll(/\/{2,}/g, '/');
  return read === plain ? null : read + path.slice(end);
}

function pathEnd(target: string): number {
  const query = target.indexOf('?');
  return query === -1 ? target.length : query;
}

/** True for nearly every path: nothing in it could have two readings. */
function isNormal(target: string, end: number): boolean {
  for (let i = 0; i < end; i++) {
    const code = target.charCodeAt(i);
    if (code === PERCENT || code === BACKSLASH) return false;
    if (code === SLASH && i + 1 < end) {
      const next = target.charCodeAt(i + 1);
      if (next === SLASH || next === DOT) return false;
    }
  }
  return true;
}

/** Unescapes what need not be escaped, and upper-cases the escapes that stay. */
function unescapePath(target: string, end: number): string | null {
  let out = '';
  for (let i = 0; i < end; i++) {
    const code = target.charCodeAt(i);
    if (code === BACKSLASH) out += '%5C';
    else if (code !== PERCENT) out += target[i];
    else {
      const octet =
        i + 2 < end ? hexValue(target.charCodeAt(i + 1)) * 16 + hexValue(target.charCodeAt(i + 2)) : Number.NaN;
      if (!(octet > 0)) return null;
      out += isUnreserved(octet) ? String.fromCharCode(octet) : target.slice(i, i + 3).toUpperCase();
      i += 2;
    }
  }
  return out;
}

/** NaN for anything else, which makes the whole escape NaN. */
function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}

function isUnreserved(octet: number): boolean {
  const lower = octet | 0x20;
  return (
    (lower >= 0x61 && lower <= 0x7a) ||
    (octet >= 0x30 && octet <= 0x39) ||
    octet === 0x2d ||
    octet === DOT ||
    octet === 0x5f ||
    octet === 0x7e
  );
}

/** Merges empty segments and resolves dot segments, by the strictest reading when there are any of the latter. */
function resolve(path: string): string {
  const strict = path.replaceAll('%2F', '/').replaceAll('%5C', '/').split('/');
  const segments = strict.some(segment => dots(segment) !== 0) ? strict : path.split('/');
  const kept: string[] = [];
  let trailing = false;
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i]!;
    const up = dots(segment);
    trailing = segment === '' || up !== 0;
    if (trailing && up < 2) continue;
    if (up === 2) kept.pop();
    else kept.push(segment);
  }
  return kept.length === 0 ? '/' : `/${kept.join('/')}${trailing ? '/' : ''}`;
}

/** 1 for `.`, 2 for `..`, with or without path parameters; 0 for a name. */
function dots(segment: string): number {
  const parameters = segment.indexOf(';');
  const name = parameters === -1 ? segment : segment.slice(0, parameters);
  return name === '.' ? 1 : name === '..' ? 2 : 0;
}
