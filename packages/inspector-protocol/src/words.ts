/** Numbers and names as people read them. Nothing here depends on the locale: log, command and page say the same. */

/** 1234567 as `1,234,567`. */
export function count(value: number): string {
  const sign = value < 0 ? '-' : '';
  return sign + String(Math.abs(Math.round(value))).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Octets, decimal units: `812 B`, `3.1 KB`, `4.2 MB`. */
export function bytes(value: number): string {
  const size = Math.abs(value);
  if (size < 1000) return `${Math.round(value)} B`;
  if (size < 999_950) return `${short(value / 1e3)} KB`;
  if (size < 999_950_000) return `${short(value / 1e6)} MB`;
  return `${short(value / 1e9)} GB`;
}

/** `1 frame`, `3 frames`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A rate: `48.2k`, `950`, `1.2M`. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size < 1000) return String(Math.round(value));
  if (size < 999_950) return `${short(value / 1e3)}k`;
  return `${short(value / 1e6)}M`;
}

/** An age in milliseconds without fractions, so that it does not flicker: `41 s`, `3 min`, `2 h 4 min`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return joined(Math.floor(seconds / 3600), 'h', Math.floor((seconds % 3600) / 60), 'min');
}

/** How long something has lasted by now, in milliseconds: `240 ms`, `1.3 s`, `41 s`, `3 min`. */
export function lasting(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : age(ms);
}

/** `0x2a`, at least so many digits. */
export function hexNumber(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** Octets, two digits each: `68656c`, or with a space between them `68 65 6c`. */
export function hexOctets(octets: Uint8Array, between = ''): string {
  return Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join(between);
}

/** Link to a section of an RFC: `9113 6.9.1` or `RFC 9113 6.9.1`. Null when it names none. */
export function rfcLink(rfc: string): { readonly text: string; readonly href: string } | null {
  const match = /^(?:RFC )?(\d{3,5})(?:[ ,§]+(\d+(?:\.\d+)*))?/.exec(rfc);
  if (match === null) return null;
  const [, number, section] = match;
  const at = section === undefined ? '' : `#section-${section}`;
  return {
    text: `RFC ${number}${section === undefined ? '' : ` §${section}`}`,
    href: `https://www.rfc-editor.org/rfc/rfc${number}${at}`,
  };
}

/** Two units of one span; the smaller is left out when it is 0. */
export function joined(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

function short(value: number): string {
  const size = Math.abs(value);
  return size < 99.95 ? value.toFixed(1).replace(/\.0$/, '') : String(Math.round(value));
}
