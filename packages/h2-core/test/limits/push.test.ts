import { get } from '../support/endpoint.ts';
import { block, concat, data, F, frame, GET, headers, T, u32 } from '../support/frames.ts';
import { client, GREATEST, limit, times, type Watched } from '../support/limit.ts';

const promise = (id: number): Uint8Array => frame(T.PUSH_PROMISE, F.END_HEADERS, 1, concat(u32(id), block(GET)));

/** A client that has asked for one thing and is promised `count` more. */
function promised(count: number, maxReservedStreams: number): Watched {
  const t = client({ maxReservedStreams }, true);
  t.connection.request(get(), true);
  t.sent();
  t.receive(...times(count, i => promise(2 + i * 2)));
  return t;
}

// PSH-18, LIM-29
limit('maxReservedStreams', {
  below: () => promised(2, 3).untouched(),
  at: () => promised(3, 3).untouched(),
  above: () => promised(4, 3).reset(8, 'push.too-many'),
  burst() {
    // Promises that are kept: each makes room for another.
    const t = promised(0, 100);
    const ok = headers(0, [[':status', '200']], F.END_HEADERS).slice(9);
    for (const id of times(1000, i => 2 + i * 2)) {
      t.receive(promise(id), frame(T.HEADERS, F.END_HEADERS, id, ok), data(id, '', F.END_STREAM));
    }
    t.untouched();
  },
  off: () => promised(5000, GREATEST).untouched(),
});
