import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { Decoder, Encoder, type Field, type HpackTap } from '../src/index.ts';
import { fields } from './support/arbitrary.ts';
import { decodeLines } from './support/decode.ts';
import { nghttp2Peer, type Peer, pythonPeer } from './support/peers.ts';
import { hex, unhex } from './support/wire.ts';

/** Connections, and blocks on each of them. */
const CONNECTIONS = 10;
const BLOCKS = 100;
/** Table sizes that one of the ends sets, in turn. */
const SIZES = [4096, 0, 4096, 100, 500, 64, 8192, 1000, 65_536, 4096];

const octetsOf = (text: string) => hex(Uint8Array.from(text, point => point.charCodeAt(0)));

const written = (list: readonly Field[]) =>
  list.map(({ name, value, sensitive }) => `${octetsOf(name)}:${octetsOf(value)}:${sensitive ? 1 : 0}`).join(' ');

const SILENT: HpackTap = { onRepresentation() {}, onInsert() {}, onEvict() {}, onResize() {} };

interface Options {
  /** What the peer hands over as never indexed, when it is asked to encode this field. */
  marks(field: Field): boolean;
  /** The peer refers to an entry that equals a sensitive field, which takes the mark from it. */
  refersToSensitive: boolean;
}

/** Blocks of random field sections; a number is a change of the table size before the next block. */
function histories(seed: number): (Field[] | number)[][] {
  const sections = fc.sample(fields, { numRuns: CONNECTIONS * BLOCKS, seed });
  return Array.from({ length: CONNECTIONS }, (_, connection) =>
    sections
      .slice(connection * BLOCKS, (connection + 1) * BLOCKS)
      .flatMap((section, i) => (i % 9 === 8 ? [SIZES[(i + connection) % SIZES.length]!, section] : [section])),
  );
}

function interop(find: () => Peer | null, title: string, options: Options): void {
  const peer = find();
  if (peer !== null) afterAll(() => peer.dispose());

  // HPD-02
  describe(`interop with ${title}`, () => {
    if (peer === null) {
      test.runIf(process.env['CI'] === 'true')(`${title} must be installed where CI=true`, () => {
        expect.fail(`${title} was not found`);
      });
      test.skip(`${title} was not found on this machine`, () => {});
      return;
    }
    const seed = Number(process.env['GLASSWAY_TEST_SEED'] ?? Date.now() % 0x7fff_ffff);

    test(`what we encode it decodes (seed ${seed})`, () => {
      for (const history of histories(seed)) {
        const encoder = new Encoder({ maxTableSize: 65_536 });
        const commands: string[] = [];
        const expected: string[] = [];
        for (const step of history) {
          if (typeof step === 'number') {
            encoder.setPeerMaxTableSize(step);
            commands.push(`decoder-size ${step}`);
            expected.push('');
          } else {
            commands.push(`decode ${hex(encoder.encode(step))}`);
            const marked = step.map(field => ({ ...field, sensitive: field.sensitive === true || isSecret(field) }));
            expected.push(written(marked));
          }
        }
        expect(peer.run(commands)).toEqual(expected);
      }
    });

    test(`what it encodes we decode (seed ${seed})`, () => {
      for (const history of histories(seed + 1)) {
        const commands = history.map(step =>
          typeof step === 'number' ? `encoder-size ${step}` : `encode ${written(step)}`,
        );
        const answers = peer.run(commands);
        const representations: number[] = [];
        const decoder = new Decoder({
          tap: { ...SILENT, onRepresentation: (_n, _v, one) => representations.push(one) },
        });
        history.forEach((step, i) => {
          if (typeof step === 'number') {
            decoder.setMaxTableSize(step);
            return;
          }
          representations.length = 0;
          const lines = decodeLines(decoder, unhex(answers[i]!));
          const expected = step.map((field, at) => {
            const marked = options.marks(field) && !(options.refersToSensitive && representations[at] === 0);
            return [field.name, field.value, marked, 0];
          });
          expect(lines).toEqual(expected);
        });
      }
    });
  });
}

/** What our default policy and libnghttp2 never index, whatever the caller says. */
function isSecret({ name, value }: Field): boolean {
  return name === 'authorization' || (name === 'cookie' && value.length < 20);
}

interop(pythonPeer, 'python3-hpack', { marks: field => field.sensitive === true, refersToSensitive: true });
interop(nghttp2Peer, 'libnghttp2', {
  marks: field => field.sensitive === true || isSecret(field),
  refersToSensitive: false,
});
