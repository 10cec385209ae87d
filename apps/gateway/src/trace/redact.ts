/** Which field values never reach the trace: decided before anything is written to shared memory. */

const SENSITIVE: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'proxy-authorization',
  'x-api-key',
]);

/** True when values of fields with this name (in any case) are hidden, however they are encoded. */
export function isSensitiveName(name: string): boolean {
  const lower = name.toLowerCase();
  return SENSITIVE.has(lower) || lower.includes('token') || lower.includes('secret');
}
