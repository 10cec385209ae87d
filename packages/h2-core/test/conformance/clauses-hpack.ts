import { expect, test } from 'vitest';
import { block, bytes, concat, E, F, frame, S, settings, T } from '../support/frames.ts';
import type { Kit } from './kit.ts';

const WHOLE = F.END_HEADERS | F.END_STREAM;

/** RFC 7541 as an endpoint shows it. Every representation first, then what must not decode. */
export function hpackClauses(kit: Kit): void {
  const { get } = kit;
  const base = block(get);
  // `a` is 00011 in Huffman code, so that 0x1f is `a` with its padding.
  test.each([
    ['6.1 indexed', [0x90]],
    ['6.2.1 with incremental indexing, indexed name', concat([0x7a, 4], bytes('test'))],
    ['6.2.1 with incremental indexing, new name', concat([0x40, 6], bytes('x-test'), [2], bytes('ok'))],
    ['6.2.2 without indexing, indexed name', concat([0x0f, 0x2b, 4], bytes('test'))],
    ['6.2.2 without indexing, new name', concat([0x00, 6], bytes('x-test'), [2], bytes('ok'))],
    ['6.2.3 never indexed, indexed name', concat([0x1f, 0x2b, 4], bytes('test'))],
    ['6.2.3 never indexed, new name', concat([0x10, 6], bytes('x-test'), [2], bytes('ok'))],
    ['5.2 Huffman value', [0x7a, 0x81, 0x1f]],
    ['an entry of the dynamic table', concat([0x40, 6], bytes('x-test'), [2], bytes('ok'), [0xbe])],
  ])('%s', async (_, fields) => {
    const peer = await kit.open();
    peer.send(frame(T.HEADERS, WHOLE, 1, concat(base, fields)));
    expect((await peer.response(1)).status).toBe('200');
  });

  test.each([
    ['6.3 a dynamic table size update', [0x20]],
    ['6.3 two of them', [0x20, 0x3f, 0xe1, 0x1f]],
  ])('%s at the beginning', async (_, update) => {
    const peer = await kit.open();
    peer.send(frame(T.HEADERS, WHOLE, 1, concat(update, base)));
    expect((await peer.response(1)).status).toBe('200');
  });

  test.each([
    ['2.3.3/1 an index beyond both tables', [0xc6]],
    ['2.3.3/2 a name index beyond both tables', [0x7f, 0x07, 2, 0x6f, 0x6b]],
    ['4.2/1 a size update behind a field', [0x20]],
    ['5.1/1 an integer that does not end', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['5.2/1 Huffman padding of more than 7 bits', concat([0x00, 6], bytes('x-test'), [0x82, 0x1f, 0xff])],
    ['5.2/2 Huffman padding of zeros', concat([0x00, 6], bytes('x-test'), [0x81, 0x18])],
    ['5.2/3 EOS inside', concat([0x00, 6], bytes('x-test'), [0x85, 0x1f, 0xff, 0xff, 0xff, 0xff])],
    ['5.2/4 a string longer than its block', concat([0x00, 6], bytes('x-test'), [0x7e], bytes('ok'))],
    ['6.1/1 index 0', [0x80]],
  ])('%s', async (_, fields) => {
    const peer = await kit.open();
    peer.send(frame(T.HEADERS, WHOLE, 1, concat(base, fields)));
    await peer.connectionError(E.COMPRESSION_ERROR);
  });

  test('6.3/1 a size update above SETTINGS_HEADER_TABLE_SIZE', async () => {
    const peer = await kit.open();
    const limit = (peer.serverSettings.get(S.HEADER_TABLE_SIZE) ?? 4096) + 1;
    const rest = limit - 31;
    const integer = [0x3f, (rest & 0x7f) | 0x80, ((rest >>> 7) & 0x7f) | 0x80, rest >>> 14];
    await peer.send(frame(T.HEADERS, WHOLE, 1, concat(integer, base))).connectionError(E.COMPRESSION_ERROR);
  });

  test('4.2/2 the server obeys a smaller SETTINGS_HEADER_TABLE_SIZE', async () => {
    const peer = await kit.open();
    await peer.send(settings(S.HEADER_TABLE_SIZE, 0)).settingsAcked();
    for (const id of [1, 3, 5]) {
      peer.send(frame(T.HEADERS, WHOLE, id, base));
      expect((await peer.response(id)).status).toBe('200');
    }
    expect(peer.tableLength).toBe(0);
  });
}
