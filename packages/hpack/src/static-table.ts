/** The static table, RFC 7541 Appendix A. */

import { TableEntry } from './dynamic-table.ts';

/** Number of static entries; index 62 is the newest entry of the dynamic table (RFC 7541 2.3.3). */
export const STATIC_TABLE_LENGTH = 61;

// In index order; a name without `=` has the empty value. No name or value holds a `=` or a line end.
const ROWS = `:authority
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset
accept-encoding=gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`;

/** The entries by index 1..61; 0 holds an empty entry that no index refers to. */
export const STATIC_TABLE: readonly TableEntry[] = [
  new TableEntry('', '', 0),
  ...ROWS.split('\n').map(row => {
    const [name = '', value = ''] = row.split('=');
    return new TableEntry(name, value, 0);
  }),
];

/** What the static table has for one name. */
export class StaticName {
  readonly name: string;
  /** Lowest index with this name, 1..61. */
  readonly index: number;
  /** Values at `index`, `index + 1`, ...; rows of one name are neighbours. */
  readonly values: string[] = [];

  constructor(name: string, index: number) {
    this.name = name;
    this.index = index;
  }

  /** Index of the row with this value, 0 when there is none. */
  indexOf(value: string): number {
    const values = this.values;
    for (let row = 0; row < values.length; row++) if (values[row] === value) return this.index + row;
    return 0;
  }
}

/** The 52 names of the static table. */
export const STATIC_NAMES: ReadonlyMap<string, StaticName> = collectNames();

function collectNames(): Map<string, StaticName> {
  const names = new Map<string, StaticName>();
  for (let index = 1; index <= STATIC_TABLE_LENGTH; index++) {
    const { name, value } = STATIC_TABLE[index]!;
    const known = names.get(name) ?? new StaticName(name, index);
    known.values.push(value);
    names.set(name, known);
  }
  return names;
}
