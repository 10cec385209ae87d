import { Decoder, Encoder } from '@glassway/hpack';

const encoder = new Encoder();
const decoder = new Decoder();
const request = [
  { name: ':method', value: 'GET' },
  { name: ':path', value: '/orders?page=2' },
  { name: 'user-agent', value: 'example/1.0' },
  { name: 'authorization', value: 'Bearer abc', sensitive: true },
];

for (let i = 1; i <= 2; i++) {
  const block = encoder.encode(request);
  console.log(`block ${i}: ${block.length} octets`);
  decoder.decode(block, {
    onField(name, value, sensitive) {
      console.log(`  ${name}: ${sensitive ? '(never indexed)' : value}`);
    },
  });
}
console.log(`dynamic table: ${decoder.tableLength} entry, ${decoder.tableSize} octets`);
