// What HPACK does to the fields of two requests in a row: the second costs a fraction of the first.
//
//   node examples/hpack-roundtrip.mjs
import { Decoder, Encoder, Representation } from '@glassway/hpack';

const names = Object.fromEntries(Object.entries(Representation).map(([name, value]) => [value, name]));

/** Prints how each field stands on the wire. */
const tap = {
  onRepresentation(name, value, representation, index, wireBytes) {
    const how = names[representation].toLowerCase().replaceAll('_', ' ');
    console.log(`  ${String(wireBytes).padStart(2)} octets  ${name}: ${value}  (${how}, index ${index})`);
  },
  onInsert() {},
  onEvict() {},
  onResize() {},
};

const encoder = new Encoder();
const decoder = new Decoder({ tap });
const request = path => [
  { name: ':method', value: 'GET' },
  { name: ':scheme', value: 'https' },
  { name: ':authority', value: 'shop.example' },
  { name: ':path', value: path },
  { name: 'user-agent', value: 'example/1.0' },
  { name: 'authorization', value: 'Bearer 7f3a', sensitive: true },
];

for (const path of ['/orders', '/orders?page=2']) {
  const fields = request(path);
  const plain = fields.reduce((sum, { name, value }) => sum + name.length + value.length + 4, 0);
  const block = encoder.encode(fields);
  console.log(`${path}: ${plain} octets as text, ${block.length} compressed`);
  decoder.decode(block, { onField() {} });
}
