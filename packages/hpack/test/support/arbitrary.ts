import fc from 'fast-check';
import type { Field } from '../../src/index.ts';

const octets = (max: number) => fc.uint8Array({ maxLength: max }).map(points => String.fromCharCode(...points));
const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);

const names = fc.oneof(
  fc.constantFrom(':method', ':path', ':status', 'accept', 'cookie', 'content-length', 'authorization', 'x-a', 'x-b'),
  token,
  octets(20),
);
const values = fc.oneof(
  fc.constantFrom(
    '',
    'GET',
    '200',
    '/',
    'a',
    'b',
    'gzip, deflate',
    'the same long value each time, so that it repeats',
  ),
  fc.string({ maxLength: 60 }).map(text => text.replace(/[^\0-\xff]/g, '?')),
  octets(200),
);

/** One field, often one that came before. */
export const field: fc.Arbitrary<Field> = fc.record({
  name: names,
  value: values,
  sensitive: fc.boolean(),
});

/** A field section. */
export const fields: fc.Arbitrary<Field[]> = fc.array(field, { maxLength: 12 });

/** What happens on a connection: a block, or a new maximum of the table in force. */
export type Step = { kind: 'block'; fields: Field[] } | { kind: 'resize'; size: number };

/** A history of a connection. */
export const history: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fields.map(list => ({ kind: 'block', fields: list }) as const) },
    {
      weight: 1,
      arbitrary: fc
        .oneof(fc.constantFrom(0, 32, 33, 100, 4096, 65_536), fc.nat(3000))
        .map(size => ({ kind: 'resize', size }) as const),
    },
  ),
  { minLength: 1, maxLength: 25 },
);
