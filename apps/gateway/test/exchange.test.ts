import { describe, expect, it } from 'vitest';

import { DEFAULT_POOL } from '../src/config/pool-settings.ts';
import { fieldOf } from '../src/exchange/own-response.ts';
import { reason } from '../src/exchange/reason.ts';
import { bytes, FACTS, open, request } from './exchange-fakes.ts';

const OK = { status: 200, fields: ['content-type', 'text/plain'], sensitive: null };
const REFUSED = reason('backend_refused', '127.0.0.1:3000 and [::1]:3000 (is the app running?)', { retryable: true });
const GONE = reason('backend_closed', 'the backend closed the connection');

describe('streaming', () => {
  it('a request without a body, a response with one', () => {
    const { journal, client, backend, records } = open(request({ path: '/a' }));
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onBody(bytes('hello'), false);
    backend.leg.events.onBody(bytes(''), true);
    client.events.onFinished();
    expect(journal).toEqual([
      'a.send GET /a',
      'paired 3 5 9 1',
      'client.respond 200',
      'client.write hello',
      'a.consumed 5',
      'client.write  end',
    ]);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      status: 200,
      bytesDown: 5,
      bytesUp: 0,
      attempts: 1,
      backend: 'http://a.test',
      reason: null,
    });
    const { startedAt, assignedAt, firstByteAt, finishedAt } = records[0]!;
    expect([startedAt, assignedAt, firstByteAt, finishedAt]).toEqual([0, 1, 2, 3]);
  });

  it('what a leg says after its response is not heard', () => {
    const { journal, backend } = open(request());
    backend.leg.assign();
    backend.leg.events.onResponse(OK, true);
    const before = journal.length;
    backend.leg.events.onError(GONE);
    backend.leg.events.onBody(bytes('more'), false);
    expect(journal).toHaveLength(before);
  });

  it('a response without a body ends at once', () => {
    const { journal, client, backend } = open(request({ method: 'HEAD' }));
    backend.leg.assign();
    backend.leg.events.onResponse({ ...OK, status: 204 }, true);
    client.events.onFinished();
    expect(journal.slice(2)).toEqual(['client.respond 204 end']);
  });

  it('the body waits for a connection without using up the client, then goes out in order', () => {
    const { journal, client, backend } = open(request({ method: 'POST', hasBody: true }));
    client.events.onBody(bytes('one'), false);
    client.events.onBody(bytes('two'), true);
    expect(journal).toEqual(['a.send POST /']);
    backend.leg.assign();
    expect(journal.slice(1)).toEqual(['paired 3 5 9 1', 'a.write one', 'a.write two end', 'client.consumed 6']);
  });

  it('octets that come while the waiting ones are given back stay behind them', () => {
    const { journal, client, backend } = open(request({ method: 'POST', hasBody: true }));
    client.events.onBody(bytes('one'), false);
    client.events.onBody(bytes('two'), false);
    const consumed = client.consumed.bind(client);
    client.consumed = count => {
      consumed(count);
      if (count === 6) client.events.onBody(bytes('three'), true);
    };
    backend.leg.assign();
    expect(journal.filter(line => line.startsWith('a.write'))).toEqual([
      'a.write one',
      'a.write two',
      'a.write three end',
    ]);
  });

  it('trailers both ways, also while waiting for a connection', () => {
    const { journal, client, backend } = open(request({ method: 'POST', hasBody: true }));
    client.events.onBody(bytes('x'), false);
    client.events.onTrailers({ fields: ['checksum', '1', 'content-length', '9'], sensitive: null });
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onTrailers({ fields: ['grpc-status', '0', 'transfer-encoding', 'chunked'], sensitive: null });
    client.events.onFinished();
    expect(journal.slice(2)).toEqual([
      'a.write x',
      'a.trailers checksum 1',
      'client.consumed 1',
      'client.respond 200',
      'client.trailers grpc-status 0',
    ]);
  });

  it('trailers of a request under way', () => {
    const { journal, client, backend } = open(request({ method: 'POST', hasBody: true }));
    backend.leg.assign();
    client.events.onTrailers({ fields: ['checksum', '1'], sensitive: null });
    expect(journal.at(-1)).toBe('a.trailers checksum 1');
  });

  it('1xx responses are relayed until the final one', () => {
    const { journal, backend } = open(request());
    backend.leg.assign();
    backend.leg.events.onInformational({ status: 103, fields: ['link', '</a>'], sensitive: null });
    backend.leg.events.onResponse(OK, true);
    backend.leg.events.onInformational({ status: 103, fields: [], sensitive: null });
    expect(journal.slice(2)).toEqual(['client.inform 103', 'client.respond 200 end']);
  });

  it('the request goes out normalised, with fields rewritten', () => {
    const { backend } = open(request({ path: '/a%2f..%2fadmin?x', fields: ['connection', 'x', 'x', '1', 'y', '2'] }));
    expect(backend.leg.request.path).toBe('/admin?x');
    expect(backend.leg.request.fields.slice(0, 2)).toEqual(['y', '2']);
    expect(fieldOf(backend.leg.request.fields, 'x-forwarded-for')).toBe(FACTS.address);
  });
});

describe('backpressure', () => {
  it('up: octets a full backend took are given back to the client when it is writable again', () => {
    const { journal, client, backend } = open(request({ method: 'POST', hasBody: true }));
    backend.leg.assign();
    backend.leg.writeAnswers.push(false, false);
    client.events.onBody(bytes('12345'), false);
    client.events.onBody(bytes('678'), false);
    expect(journal.filter(line => line.startsWith('client'))).toEqual([]);
    backend.leg.events.onWritable();
    expect(journal.at(-1)).toBe('client.consumed 8');
    backend.leg.events.onWritable();
    expect(journal.filter(line => line === 'client.consumed 8')).toHaveLength(1);
  });

  it('down: octets a slow client took are given back to the backend when it is writable again', () => {
    const { journal, client, backend } = open(request());
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    client.writeAnswers.push(false);
    backend.leg.events.onBody(bytes('12345'), false);
    expect(journal.at(-1)).toBe('client.write 12345');
    client.events.onWritable();
    expect(journal.at(-1)).toBe('a.consumed 5');
  });

  it('down: what is withheld at the end of the response is still given back to the connection', () => {
    const { journal, client, backend } = open(request());
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    client.writeAnswers.push(false);
    backend.leg.events.onBody(bytes('12345'), true);
    client.events.onWritable();
    expect(journal.at(-1)).toBe('a.consumed 5');
  });
});

describe('cancellation', () => {
  const GAVE_UP = reason('client_reset', 'the client reset the stream');

  it('the client gives up: the backend is cancelled, later events are not heard', () => {
    const { journal, client, backend, records } = open(request());
    backend.leg.assign();
    client.events.onAbort(GAVE_UP);
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onError(GONE);
    expect(journal.slice(2)).toEqual(['a.cancel client_reset']);
    expect(records.map(record => [record.reason?.code, record.status])).toEqual([['client_reset', 0]]);
  });

  it('the client gives up in the middle of the response: withheld octets go back before the cancel', () => {
    const { journal, client, backend } = open(request());
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    client.writeAnswers.push(false);
    backend.leg.events.onBody(bytes('12345'), false);
    client.events.onAbort(GAVE_UP);
    expect(journal.slice(-2)).toEqual(['a.consumed 5', 'a.cancel client_reset']);
  });

  it('the client gives up after the backend is through: the connection, perhaps in use again, is left alone', () => {
    const { journal, client, backend } = open(request());
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onBody(bytes('x'), true);
    client.events.onAbort(GAVE_UP);
    expect(journal.join('\n')).not.toContain('cancel');
  });

  it('the backend fails in the middle of the response: the client is reset with the reason', () => {
    const { journal, backend, client, records } = open(request());
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onBody(bytes('half'), false);
    backend.leg.events.onError(GONE);
    client.events.onFinished();
    expect(journal.slice(-2)).toEqual(['reasoned 3 5 backend_closed', 'client.reset backend_closed ERROR']);
    expect(records.map(record => [record.status, record.reason?.code])).toEqual([[200, 'backend_closed']]);
  });
});

describe('D30: the response is complete before the request', () => {
  it('stops the backend, drops the rest, and declines it with NO_ERROR', () => {
    const { journal, client, backend, records } = open(request({ method: 'POST', hasBody: true }));
    backend.leg.assign();
    backend.leg.writeAnswers.push(false);
    client.events.onBody(bytes('12345'), false);
    backend.leg.events.onResponse({ ...OK, status: 413 }, false);
    backend.leg.events.onBody(bytes('too much'), true);
    client.events.onBody(bytes('678'), false);
    client.events.onFinished();
    expect(journal.slice(3)).toEqual([
      'client.respond 413',
      'client.write too much end',
      'a.consumed 8',
      'a.cancel upload_stopped',
      'client.consumed 5',
      'reasoned 3 5 upload_stopped',
      'client.reset upload_stopped NO_ERROR',
      'client.consumed 3',
    ]);
    expect(records[0]).toMatchObject({ status: 413, reason: { code: 'upload_stopped', h2Code: 0, rfc: '9113 8.1' } });
  });

  it('D21: an early final response to expect: 100-continue cancels the backend half way', () => {
    const { journal, client, backend } = open(
      request({ method: 'PUT', hasBody: true, fields: ['expect', '100-continue'] }),
    );
    expect(fieldOf(backend.leg.request.fields, 'expect')).toBe('100-continue');
    backend.leg.assign();
    backend.leg.events.onResponse({ ...OK, status: 401 }, true);
    client.events.onFinished();
    expect(journal.slice(2)).toEqual([
      'client.respond 401 end',
      'a.cancel upload_stopped',
      'reasoned 3 5 upload_stopped',
      'client.reset upload_stopped NO_ERROR',
    ]);
  });

  it('a backend that stops reading while its response goes on', () => {
    const { journal, client, backend } = open(request({ method: 'POST', hasBody: true }));
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onStopSending();
    client.events.onBody(bytes('123'), true);
    backend.leg.events.onBody(bytes('done'), true);
    expect(journal.slice(3)).toEqual(['client.consumed 3', 'client.write done end', 'a.consumed 4']);
  });

  it('D24: GET with a body is forwarded as one', () => {
    const { backend, client, journal } = open(request({ hasBody: true, contentLength: 3 }));
    backend.leg.assign();
    client.events.onBody(bytes('abc'), true);
    expect(backend.leg.request).toMatchObject({ method: 'GET', hasBody: true, contentLength: 3 });
    expect(journal).toContain('a.write abc end');
  });
});

describe('tunnels', () => {
  const websocket = request({ method: 'GET', path: '/chat', hasBody: true, protocol: 'websocket' });

  it('RFC 8441 5.1: each direction ends by itself', () => {
    const { journal, client, backend, records } = open(websocket);
    expect(backend.leg.request.protocol).toBe('websocket');
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onBody(bytes('bye'), true);
    client.events.onBody(bytes('bye'), true);
    client.events.onFinished();
    expect(journal.slice(2)).toEqual([
      'client.respond 200',
      'client.write bye end',
      'a.consumed 3',
      'a.write bye end',
      'client.consumed 3',
    ]);
    expect(records).toHaveLength(1);
  });

  it('a backend that is gone after its end still reaches the client', () => {
    const { journal, backend } = open(websocket);
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onBody(bytes(''), true);
    backend.leg.events.onError(GONE);
    expect(journal.at(-1)).toBe('client.reset backend_closed ERROR');
  });

  it('a client that is through with its half ends the other one', () => {
    const { journal, client, backend } = open(websocket);
    backend.leg.assign();
    backend.leg.events.onResponse(OK, false);
    backend.leg.events.onBody(bytes('bye'), true);
    client.events.onFinished();
    expect(journal.slice(-3)).toEqual([
      'a.cancel upload_stopped',
      'reasoned 3 5 upload_stopped',
      'client.reset upload_stopped NO_ERROR',
    ]);
  });

  it('a refused upgrade is an ordinary response', () => {
    const { journal, backend } = open(websocket);
    backend.leg.assign();
    backend.leg.events.onResponse({ ...OK, status: 403 }, true);
    expect(journal).toContain('client.respond 403 end');
  });
});

describe('retry', () => {
  it('a refused dial goes to the next backend, with the body that has waited', () => {
    const { journal, client, backends, records } = open(request({ method: 'POST', hasBody: true }), { backends: 2 });
    client.events.onBody(bytes('abc'), true);
    backends[0]!.leg.events.onError(REFUSED);
    backends[1]!.leg.assign();
    backends[1]!.leg.events.onResponse(OK, true);
    client.events.onFinished();
    expect(journal).toEqual([
      'a.send POST /',
      'b.send POST /',
      'paired 3 5 9 1',
      'b.write abc end',
      'client.consumed 3',
      'client.respond 200 end',
    ]);
    expect(records[0]).toMatchObject({ attempts: 2, backend: 'http://b.test', reason: null });
  });

  it('a backend that could not be dialled is not dialled again at once', () => {
    // RTY-13
    const { journal, backend } = open(request());
    backend.leg.events.onError(REFUSED);
    expect(journal.filter(line => line.includes('send'))).toHaveLength(1);
    expect(journal).toContain('client.respond 502');
  });

  it('REFUSED_STREAM and going away are tried again, a bounded number of times', () => {
    // RTY-07
    const { journal, backend } = open(request());
    for (let i = 0; i < DEFAULT_POOL.retries.attempts; i++) {
      backend.leg.assign();
      backend.leg.events.onError(reason('backend_refused_stream', 'refused', { retryable: true }));
    }
    expect(journal.filter(line => line.includes('send'))).toHaveLength(DEFAULT_POOL.retries.attempts);
    expect(journal).toContain('client.respond 503');
  });

  it('not when the body has begun to flow', () => {
    // RTY-03
    const { journal, backend, client } = open(request({ method: 'POST', hasBody: true }), { backends: 2 });
    backend.leg.assign();
    client.events.onBody(bytes('abc'), false);
    backend.leg.events.onError(reason('backend_refused_stream', 'refused', { retryable: true }));
    expect(journal.filter(line => line.includes('send'))).toHaveLength(1);
    expect(journal).toContain('client.respond 503');
  });

  it('still when a connection was found but nothing of the body was passed on', () => {
    const { journal, backends, client } = open(request({ method: 'POST', hasBody: true }), { backends: 2 });
    backends[0]!.leg.assign();
    backends[0]!.leg.events.onError(reason('backend_going_away', 'gone', { retryable: true }));
    client.events.onBody(bytes('abc'), true);
    backends[1]!.leg.assign();
    expect(journal).toContain('b.write abc end');
  });

  it('not when the request may have been processed', () => {
    const { journal, backend } = open(request(), { backends: 2 });
    backend.leg.assign();
    backend.leg.events.onError(GONE);
    expect(journal.filter(line => line.includes('send'))).toHaveLength(1);
  });

  it('what a given-up attempt says later is not heard', () => {
    const { journal, backends } = open(request(), { backends: 2 });
    const first = backends[0]!.leg;
    first.events.onError(REFUSED);
    first.events.onResponse(OK, true);
    expect(journal.join()).not.toContain('respond');
  });
});

describe('responses of the gateway itself', () => {
  it('are a sentence with a stable code', () => {
    const { client, backend, journal, records } = open(request());
    backend.leg.events.onError(REFUSED);
    expect(client.head!.status).toBe(502);
    expect(client.body).toBe('502 backend_refused 127.0.0.1:3000 and [::1]:3000 (is the app running?)\n');
    expect(fieldOf(client.head!.fields, 'content-length')).toBe(String(client.body.length));
    expect(journal).toContain('reasoned 3 5 backend_refused');
    client.events.onFinished();
    expect(records[0]).toMatchObject({ status: 502, bytesDown: client.body.length });
    expect(records[0]!.reason!.code).toBe('backend_refused');
  });

  it('are JSON for who asks for it', () => {
    const { client, backend } = open(request({ fields: ['accept', 'application/json'] }));
    backend.leg.events.onError(REFUSED);
    expect(JSON.parse(client.body)).toEqual({
      status: 502,
      reason: 'backend_refused',
      message: REFUSED.text,
      rule: 'backend-refused',
      rfc: '9110 15.6.3',
    });
    expect(fieldOf(client.head!.fields, 'content-type')).toBe('application/json');
  });

  it('have no body for HEAD', () => {
    const { client, backend, journal } = open(request({ method: 'HEAD' }));
    backend.leg.events.onError(REFUSED);
    expect(journal.at(-1)).toBe('client.respond 502 end');
    expect(Number(fieldOf(client.head!.fields, 'content-length'))).toBeGreaterThan(0);
  });

  it('are trailers-only with a gRPC status for gRPC', () => {
    const { client, backend } = open(
      request({ method: 'POST', hasBody: true, fields: ['content-type', 'application/grpc+proto'] }),
    );
    backend.leg.events.onError(reason('backend_refused', '100 % down — sorry'));
    expect(client.head).toMatchObject({ status: 200 });
    expect(fieldOf(client.head!.fields, 'grpc-status')).toBe('14');
    expect(fieldOf(client.head!.fields, 'grpc-message')).toBe('backend_refused 100 %25 down %E2%80%94 sorry');
  });

  it.each([
    ['CONNECT', request({ method: 'CONNECT', path: '' }), 'connect_refused', 501],
    ['a path with two readings', request({ path: '/%zz' }), 'request_rejected', 400],
    ['a loop', request({ fields: ['via', '2.0 gw-test'] }), 'loop_detected', 508],
  ])('%s is refused before any backend', (_, message, code, status) => {
    const { journal, client } = open(message);
    expect(client.head!.status).toBe(status);
    expect(client.body).toContain(code);
    expect(journal.join()).not.toContain('send');
  });

  it('with an upload under way: it is dropped and declined', () => {
    const { journal, client, backend } = open(request({ method: 'POST', hasBody: true }));
    client.events.onBody(bytes('12345'), false);
    backend.leg.events.onError(REFUSED);
    client.events.onBody(bytes('678'), false);
    client.events.onFinished();
    expect(journal.slice(-3)).toEqual([
      'client.consumed 5',
      'client.reset upload_stopped NO_ERROR',
      'client.consumed 3',
    ]);
  });
});
