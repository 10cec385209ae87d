import { expect, test } from 'vitest';
import { ping, settings } from '../support/frames.ts';
import { GREATEST, limit, server, times } from '../support/limit.ts';

const PING = ping([1, 2, 3, 4, 5, 6, 7, 8]);
const pings = (count: number): Uint8Array[] => times(count, () => PING);

// LIM-21: CVE-2019-9512, CVE-2019-9515
limit('maxQueuedReplies', {
  below() {
    const t = server({ maxQueuedReplies: 10 });
    t.receive(...pings(9));
    t.untouched();
    expect(t.connection.wantsPause).toBe(false);
  },
  at() {
    // Reading pauses until they are written: back-pressure comes first.
    const t = server({ maxQueuedReplies: 10 });
    t.receive(...pings(10));
    expect(t.connection.wantsPause).toBe(true);
    expect(t.log).toEqual(['violation flood.replies']);
    t.receive(PING);
    expect(t.log).toHaveLength(1);
    expect(t.sent()).toHaveLength(11);
    expect(t.connection.wantsPause).toBe(false);
    t.receive(...pings(10));
    expect(t.log).toHaveLength(2);
    expect(t.connection.isClosed).toBe(false);
  },
  above() {
    // Whoever moves the octets did not pause: ten times as many.
    const t = server({ maxQueuedReplies: 10 });
    t.receive(...pings(100));
    expect(t.connection.isClosed).toBe(false);
    t.receive(PING);
    t.ended('flood.replies');
  },
  burst() {
    const t = server();
    for (const at of times(10_000, i => i)) {
      t.now = at;
      t.receive(PING, settings());
      t.sent();
    }
    t.untouched();
  },
  off() {
    const t = server({ maxQueuedReplies: GREATEST });
    t.receive(...pings(50_000));
    t.untouched();
    expect(t.connection.wantsPause).toBe(false);
  },
});

test('PINGs that the program answers itself, and does not', () => {
  // PNG-12, LIM-21
  const payloads: number[] = [];
  const t = server({
    maxQueuedReplies: 10,
    automaticPingAck: false,
    handler: { onPing: payload => void payloads.push(payload[0] ?? 0) },
  });
  t.receive(...times(10, i => ping([i, 0, 0, 0, 0, 0, 0, 0])));
  expect(payloads).toEqual(times(10, i => i));
  expect(t.sent()).toEqual([]);
  t.connection.pong(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0));
  expect(t.sent()).toEqual(['PING ACK']);
  t.receive(PING);
  t.untouched();
  t.receive(PING);
  t.ended('flood.replies');
});
