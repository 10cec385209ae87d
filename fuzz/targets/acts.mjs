// What an application might do to a connection, rightly or wrongly, by number.

/** What the application throws where it should not. */
export class Defect extends Error {}

const HEAD = {
  method: 'GET',
  scheme: 'http',
  authority: 'example.com',
  path: '/',
  protocol: '',
  fields: [],
  sensitive: null,
};
const METHODS = ['GET', 'POST', 'HEAD', 'CONNECT'];
const STATUS = [200, 204, 304, 404, 100, 103, 99, 101];
const FIELDS = [
  [],
  ['x-a', '1'],
  ['content-length', '5'],
  ['x-a', '1', 'x-a', 'long'.repeat(50)],
  ['Bad', 'name'],
  ['odd'],
];
const SIZES = [0, 1, 5, 100, 3000, 16_384, 70_000];
const SETTINGS = [1, 3, 4, 5, 6, 8, 2, 99];
const VALUES = [0, 1, 100, 16_384, 65_535, 1_000_000, 0x7fff_ffff];

const pick = (values, n) => values[n % values.length];

/** Octets that application writes all share, as a careful one would not: nobody may change them. */
const BODY = Uint8Array.from({ length: 70_000 }, (_, i) => i * 7);

/** `program` has `connection`, `streams`, `written` (octets given to write so far). */
export const ACTS = [
  // Nothing, so that a tape that is all zeros is an application that does nothing.
  () => {},
  ({ connection }, stream, n) => connection.respond(stream, pick(STATUS, n >> 1), pick(FIELDS, n >> 4), (n & 1) === 1),
  (program, stream, n) => {
    const chunk = BODY.subarray(0, pick(SIZES, n >> 1));
    program.written += chunk.length;
    program.connection.write(stream, chunk, (n & 1) === 1);
  },
  ({ connection }, stream) => connection.release(stream, stream.unreleasedBytes),
  ({ connection }, stream, n) => connection.release(stream, Math.min(stream.unreleasedBytes, pick(SIZES, n))),
  ({ connection }, stream, n) => connection.reset(stream, n % 15),
  ({ connection }, stream, n) => connection.trailers(stream, pick(FIELDS, n)),
  ({ connection }, stream, n) => connection.inform(stream, pick(STATUS, n), pick(FIELDS, n >> 4)),
  ({ connection, streams }, _, n) =>
    streams.push(
      connection.request({ ...HEAD, method: pick(METHODS, n >> 1), fields: pick(FIELDS, n >> 4) }, (n & 1) === 1),
    ),
  ({ connection, streams }, stream, n) => streams.push(connection.push(stream, { ...HEAD, method: pick(METHODS, n) })),
  ({ connection }, stream) => connection.hold(stream),
  ({ connection }, stream) => connection.done(stream),
  ({ connection }, stream, n) => connection.prioritise(stream, n % 9, n >= 128),
  ({ connection }, _, n) => connection.updateSettings([pick(SETTINGS, n), pick(VALUES, n >> 3)]),
  ({ connection }, _, n) => connection.setTargetWindowSize(pick(VALUES, n)),
  ({ connection }) => connection.ping(new Uint8Array(8)),
  ({ connection }) => connection.shutdown('fuzz'),
  ({ connection }, _, n) => connection.destroy(n % 15, 'fuzz'),
  ({ connection }, _, n) => connection.origins(n & 1 ? ['https://example.com'] : []),
  ({ connection }, stream, n) =>
    connection.altSvc(n & 1 ? stream.id : 0, { origin: n & 2 ? 'https://a' : '', value: 'h2=":1"' }),
  ({ connection }, stream, n) => connection.priorityUpdate(stream.id, n & 1 ? 'u=1, i' : '???'),
  (program, stream, n) => {
    const payload = BODY.subarray(0, n % 256);
    program.written += payload.length;
    program.connection.sendUnknownFrame(0x20 + (n % 64), n, n & 1 ? stream.id : 0, payload);
  },
  ({ connection }, _, n) => connection.noteTransport((n & 1) === 1),
  // An ordinary server's answer.
  (program, stream, n) => {
    program.connection.respond(stream, 200, [], false);
    program.connection.write(stream, BODY.subarray(0, pick(SIZES, n)), true);
    program.written += pick(SIZES, n);
  },
  // A defect of the application: whatever it throws comes out of the call, and the connection ends.
  program => {
    if (program.inside === 0) return;
    throw new Defect('thrown by the application');
  },
];
