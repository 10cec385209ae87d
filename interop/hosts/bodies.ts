/** Bodies: large, many, slow, one-sided. */
import { holds, pattern, same, samePattern } from './check.ts';
import { type Check, chunks, echo, joined, LARGE, parted } from './conversation.ts';

/** The checks, by name. */
export const BODIES: Readonly<Record<string, Check>> = {
  'a body larger than the windows goes there and back': async open => {
    const ends = await joined(open, echo);
    const { status, body } = await ends.far.request({ method: 'POST' }, pattern(LARGE)).response;
    same(status, 200);
    samePattern(await body.bytes(), LARGE);
    await parted(ends);
  },

  'fifty requests at once, each with its own body': async open => {
    const ends = await joined(open, echo);
    const sizes = Array.from({ length: 50 }, (_, i) => i * 1009);
    const bodies = await Promise.all(
      sizes.map(async size => (await ends.far.request({ method: 'POST' }, pattern(size)).response).body.bytes()),
    );
    for (const [i, octets] of bodies.entries()) samePattern(octets, sizes[i] as number);
    await parted(ends);
  },

  'either half of a stream ends without the other': async open => {
    const ends = await joined(open, async ({ request, respond }) => {
      const body = respond.send({});
      if (request.path === '/server-first') body.end('answered');
      const text = await request.body.text();
      if (request.path === '/client-first') body.end(`read ${text}`);
    });
    const first = ends.far.request({ method: 'POST', path: '/client-first', endStream: false });
    first.body.end('all of it');
    same(await (await first.response).body.text(), 'read all of it');
    const second = ends.far.request({ method: 'POST', path: '/server-first', endStream: false });
    same(await (await second.response).body.text(), 'answered');
    second.body.end('later');
    await second.body.finished;
    await parted(ends);
  },

  'a reader that waits holds the writer up, and nothing else': async open => {
    let release = (): void => {};
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    const ends = await joined(open, async accepted => {
      if (accepted.request.path === '/slow') await released;
      return echo(accepted);
    });
    const slow = ends.far.request({ method: 'POST', path: '/slow', endStream: false });
    let written = 0;
    let hasRoom = true;
    // Until the window (1 MiB) and the buffer (256 KiB) are full: then no number of turns makes room.
    while (hasRoom) {
      hasRoom = slow.body.write(pattern(65_536, written));
      written += 65_536;
      void slow.body.ready().then(() => {
        hasRoom = true;
      });
      for (let turns = 0; turns < 10 && !hasRoom; turns++) await ends.far.ping();
    }
    holds(written > 1_000_000 && written < 1_500_000, `${written} octets were taken while nobody read`);
    const { body: quick } = await ends.far.request({ method: 'POST' }, pattern(200_000)).response;
    samePattern(await quick.bytes(), 200_000);
    release();
    await slow.body.ready();
    slow.body.end();
    samePattern(await (await slow.response).body.bytes(), written);
    await parted(ends);
  },

  'a body as streams of the WHATWG kind, and a stream as a body': async open => {
    const ends = await joined(open, async ({ request, respond }) => {
      const body = respond.send({});
      await request.body.toReadableStream().pipeTo(body.toWritableStream());
    });
    const parts = chunks(LARGE);
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        const { done, value } = parts.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
    const { body } = await ends.far.request({ method: 'POST' }, source).response;
    samePattern(await body.bytes(), LARGE);
    await parted(ends);
  },
};
