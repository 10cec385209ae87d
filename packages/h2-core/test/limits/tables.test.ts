import { type Cursor, Octets, readInteger, writeInteger } from '@glassway/hpack';
import { expect } from 'vitest';
import { block, concat, frame, GET, S, settings, T } from '../support/frames.ts';
import { GREATEST, limit, server, times, type Watched } from '../support/limit.ts';

/** A request whose block begins with a table size update. RFC 7541 6.3. */
function request(id: number, tableSize: number): Uint8Array {
  const update = new Octets(8);
  writeInteger(update, tableSize, 5, 0x20);
  return frame(T.HEADERS, 5, id, concat(update.copy(), block(GET)));
}

// HPD-09: a table larger than we have offered
limit('headerTableSize', {
  below() {
    const t = server({ headerTableSize: 1000 });
    t.receive(request(1, 999));
    t.untouched();
  },
  at() {
    const t = server({ headerTableSize: 1000 });
    t.receive(request(1, 1000));
    t.untouched();
  },
  above() {
    const t = server({ headerTableSize: 1000 });
    t.receive(request(1, 1001));
    t.ended('hpack.block');
  },
  burst() {
    const t = server({ headerTableSize: 1000 });
    for (const id of times(100, i => 1 + i * 2)) {
      t.receive(request(id, id % 1001));
      t.connection.respond(t.stream(id), 200, [], true);
    }
    t.untouched();
  },
  off() {
    const t = server({ headerTableSize: 65_536 });
    t.receive(request(1, 65_536));
    t.untouched();
  },
});

/** What our encoder makes of the table the peer offers: the size that its next block announces. */
function announced(t: Watched, offered: number): number {
  t.receive(settings(S.HEADER_TABLE_SIZE, offered), frame(T.HEADERS, 5, 1, block(GET)));
  t.sent();
  t.connection.respond(t.stream(1), 200, [], true);
  const payload = t.frames()[0]?.payload ?? new Uint8Array();
  const cursor: Cursor = { position: 0 };
  let size = -1;
  while (((payload[cursor.position] ?? 0) & 0xe0) === 0x20) size = readInteger(cursor, payload, payload.length, 5);
  return size;
}

// HPE-14: memory that a peer makes us keep
limit('encoderTableSize', {
  below() {
    const t = server({ encoderTableSize: 1000 });
    expect(announced(t, 999)).toBe(999);
    t.untouched();
  },
  at() {
    expect(announced(server({ encoderTableSize: 1000 }), 1000)).toBe(1000);
  },
  above() {
    // No error: the offer is not taken up.
    const t = server({ encoderTableSize: 1000 });
    expect(announced(t, 2 ** 32 - 1)).toBe(1000);
    t.untouched();
  },
  burst() {
    const t = server({ encoderTableSize: 1000 });
    for (const size of times(100, i => i * 50)) t.receive(settings(S.HEADER_TABLE_SIZE, size));
    expect(announced(t, 700)).toBe(700);
    t.untouched();
  },
  off() {
    expect(announced(server({ encoderTableSize: 65_536 }), GREATEST)).toBe(65_536);
  },
});
