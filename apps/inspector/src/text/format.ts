/** Numbers as people read them, beyond those that the gateway's own sentences need. */
import { joined } from '@glassway/inspector-protocol';

export { age, bytes, compact, count, lasting, plural } from '@glassway/inspector-protocol';

/** A span in milliseconds: `0 ms`, `1.3 ms`, `240 ms`, `1.24 s`, `3 min 5 s`, `2 h 4 min`. */
export function span(ms: number): string {
  if (!(ms > 0)) return '0 ms';
  if (ms < 0.1) return '<0.1 ms';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return joined(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return joined(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  return joined(Math.floor(minutes / 1440), 'd', Math.floor((minutes % 1440) / 60), 'h');
}

/** Microseconds since the epoch of the recording, as seconds with four decimals: `41.2031`. */
export function stamp(us: number): string {
  return (us / 1e6).toFixed(4);
}
