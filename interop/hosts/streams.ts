/** What goes over a stream beside its body. */
import type { Accepted } from '@glassway/h2-core/server';
import { failure, holds, pattern, same } from './check.ts';
import { type Check, chunks, echo, fetched, joined, LARGE, parted } from './conversation.ts';

/** The checks, by name. */
export const STREAMS: Readonly<Record<string, Check>> = {
  'fields keep order, duplicates and every octet': async open => {
    const octets = String.fromCharCode(...Array.from({ length: 0x80 }, (_, i) => 0x80 + i));
    const ends = await joined(open, ({ request, respond }) =>
      respond.send({ headers: [...request.headers] }, { endStream: true }),
    );
    const headers: [string, string][] = [
      ['x-a', '1'],
      ['x-octets', octets],
      ['x-a', '2'],
      ['x-long', 'v'.repeat(10_000)],
    ];
    const { headers: returned } = await ends.far.request({ headers }).response;
    same([...returned], headers);
    await parted(ends);
  },

  'trailers both ways, and hints before the response': async open => {
    const ends = await joined(open, async ({ request, respond }) => {
      respond.informational(103, { link: '</a.css>; rel=preload' });
      const text = await request.body.text();
      const sum = (await request.body.trailers())?.get('x-sum');
      const body = respond.send({});
      body.write(text.toUpperCase());
      body.trailers({ 'x-back': sum ?? 'none' });
    });
    const exchange = ends.far.request({ method: 'POST', endStream: false });
    exchange.body.write('grüße');
    exchange.body.trailers({ 'x-sum': '42' });
    const hints: string[] = [];
    for await (const { status, headers } of exchange.informational) hints.push(`${status} ${headers.get('link')}`);
    const { body } = await exchange.response;
    same([hints, await body.text()], [['103 </a.css>; rel=preload'], 'GRÜSSE']);
    same((await body.trailers())?.get('x-back'), '42');
    await parted(ends);
  },

  'a push arrives with its body': async open => {
    const answer = ({ respond }: Accepted): void => {
      const pushed = respond.push({ path: '/style.css' });
      respond.send({}).end('page');
      pushed.send({ headers: { 'content-type': 'text/css' } }).end('body{}');
    };
    const ends = await joined(open, answer, {}, { enablePush: true });
    const exchange = ends.far.request({ path: '/' });
    const seen: string[] = [];
    for await (const { path, response } of exchange.pushes) seen.push(path, await (await response).body.text());
    same([...seen, await (await exchange.response).body.text()], ['/style.css', 'body{}', 'page']);
    await parted(ends);
  },

  'either side resets a stream, and the connection lives on': async open => {
    let told = (_code: string): void => {};
    const server = new Promise<string>(resolve => {
      told = resolve;
    });
    const ends = await joined(open, ({ request, respond }) => {
      if (request.path === '/refused') return respond.reset(7);
      if (request.path === '/') return respond.send({}).end('alive');
      respond.onReset(error => told(error.codeName));
      respond.send({}).write('beginning');
      return null;
    });
    same((await failure(ends.far.request({ path: '/refused' }).response)).codeName, 'REFUSED_STREAM');
    const exchange = ends.far.request({ path: '/endless' });
    const { body } = await exchange.response;
    same((await body.next()).value?.length, 9);
    exchange.reset(8);
    same(await server, 'CANCEL');
    same(await (await ends.far.request({ path: '/' }).response).body.text(), 'alive');
    await parted(ends);
  },

  'extended CONNECT is a tunnel both ways': async open => {
    const ends = await joined(open, echo, { enableConnectProtocol: true });
    holds((await ends.far.peerSettings).enableConnectProtocol, 'the server offers it');
    const tunnel = ends.far.request({ method: 'CONNECT', protocol: 'echo', path: '/' });
    const { body } = await tunnel.response;
    for (const word of ['one', 'two']) {
      tunnel.body.write(word);
      same((await body.next()).value?.length, 3);
    }
    tunnel.body.end();
    same((await body.next()).done, true);
    await parted(ends);
  },

  'a handler of Request and Response: bodies streamed both ways, trailers, 103, abort': async open => {
    let aborted = (_reason: unknown): void => {};
    const abort = new Promise<unknown>(resolve => {
      aborted = resolve;
    });
    const ends = await fetched(open, async (request, { informational, trailers }) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/abort') {
        request.signal.addEventListener('abort', () => aborted(request.signal.reason), { once: true });
        return new Response(new ReadableStream({ start: controller => controller.enqueue(pattern(5)) }));
      }
      informational(103, { link: '</b.css>' });
      trailers(() => ({ 'x-end': request.headers.get('x-name') ?? '' }));
      return new Response(request.body, { status: 201, headers: { 'x-method': request.method } });
    });
    const exchange = ends.far.request({ method: 'PUT', path: '/echo', headers: { 'x-name': 'n' }, endStream: false });
    exchange.body.write(pattern(10));
    const { status, headers, body } = await exchange.response;
    same([status, headers.get('x-method')], [201, 'PUT']);
    // The answer streams while the question still does.
    same((await body.next()).value?.length, 10);
    const sent = exchange.body.pipeFrom(chunks(LARGE, 10));
    let octets = 10;
    for await (const chunk of body) octets += chunk.length;
    await sent;
    same(octets, LARGE);
    same((await body.trailers())?.get('x-end'), 'n');

    const given = ends.far.request({ path: '/abort' });
    await (await given.response).body.next();
    given.abort();
    same(((await abort) as { codeName: string }).codeName, 'CANCEL');
    await parted(ends);
  },
};
