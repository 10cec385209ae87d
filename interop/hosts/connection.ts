/** The connection as a whole: PING, windows, its ends. */
import { failure, holds, pattern, same, samePattern } from './check.ts';
import { type Check, echo, joined, parted } from './conversation.ts';

/** The checks, by name. */
export const CONNECTION: Readonly<Record<string, Check>> = {
  'ping and changed windows': async open => {
    const ends = await joined(open, echo);
    holds((await ends.far.ping()) >= 0, 'the round trip takes time');
    holds((await ends.near.ping(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]))) >= 0, 'the round trip takes time');
    ends.near.setInitialWindowSize(10_000);
    ends.near.setTargetWindowSize(100_000);
    await ends.far.ping();
    samePattern(await (await ends.far.request({ method: 'POST' }, pattern(300_000)).response).body.bytes(), 300_000);
    await parted(ends);
  },

  'a graceful shutdown lets requests finish and takes no more': async open => {
    let finish = (): void => {};
    const finished = new Promise<void>(resolve => {
      finish = resolve;
    });
    const ends = await joined(open, async ({ request, respond }) => {
      const body = respond.send({});
      body.write('half ');
      if (request.path === '/slow') await finished;
      body.end('done');
    });
    const { body } = await ends.far.request({ path: '/slow' }).response;
    const report = ends.near.shutdown({ deadlineMs: 5000 });
    while (!ends.far.isDraining) await ends.far.ping();
    const late = (await failure(ends.far.request({ path: '/late' }).response)) as { retryable?: boolean };
    holds(late.retryable === true, 'what comes too late may be asked elsewhere');
    finish();
    same([await body.text(), (await report).cut], ['half done', []]);
    const [server, client] = await Promise.all([ends.near.closed, ends.far.closed]);
    same([server.error, client.error, client.goAway?.code], [null, null, 0]);
  },

  'a transport that breaks fails what is open, on both sides, with a reason': async open => {
    let failed = (_error: unknown): void => {};
    const server = new Promise<unknown>(resolve => {
      failed = resolve;
    });
    const ends = await joined(open, async ({ request, respond }) => {
      respond.send({}).write('first');
      await request.body.bytes().catch(failed);
    });
    const exchange = ends.far.request({ method: 'POST', endStream: false });
    const { body } = await exchange.response;
    await body.next();
    ends.break();
    const seen = [(await failure(body.next())).rule, ((await server) as { rule: string }).rule];
    same(seen, ['transport.closed', 'transport.closed']);
    const [near, far] = await Promise.all([ends.near.closed, ends.far.closed]);
    same([near.initiator, far.initiator], ['remote', 'remote']);
    holds(near.error !== null && far.error !== null, 'both know that it was no clean end');
    const after = (await failure(ends.far.ready())) as { retryable?: boolean };
    holds(after.retryable === true, 'a request after it may be asked elsewhere');
  },

  'a client that sends nothing more ends an idle connection cleanly': async open => {
    const ends = await joined(open, echo);
    same(await (await ends.far.request({ method: 'POST' }, 'x').response).body.text(), 'x');
    await ends.far.ping();
    ends.endClientSide();
    const [near, far] = await Promise.all([ends.near.closed, ends.far.closed]);
    same([near.error, near.code, far.error], [null, 0, null]);
  },
};
