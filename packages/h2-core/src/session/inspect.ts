/** What Node's `console.log` and `util.inspect` look for; other hosts know nothing of it, and need not. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

function text(this: object): string {
  return String(this);
}

/** Has the objects of a class shown by what their `toString` says, instead of everything they are made of. */
export function inspectAsText(prototype: object): void {
  Object.defineProperty(prototype, INSPECT, { value: text, configurable: true, writable: true });
}

/** A request in a line: `GET https://example.org/path (stream 1)`. */
export function requestLine(
  head: { readonly method: string; readonly scheme: string; readonly authority: string; readonly path: string },
  streamId: number,
): string {
  const target = head.scheme === '' ? head.authority : `${head.scheme}://${head.authority}${head.path}`;
  return `${head.method} ${target} (${streamId === 0 ? 'no stream yet' : `stream ${streamId}`})`;
}
