/** gRPC with @grpc/grpc-js on both ends of the gateway: every kind of call, deadlines, cancellation, status and metadata. */
import {
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TestGateway } from './support/gateway.ts';
import { PATIENCE } from './support/patience.ts';

type Call = Buffer;

function method(name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Call, Call> {
  const pass = (value: Buffer): Buffer => value;
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: pass,
    responseDeserialize: pass,
  };
}

const UNARY = method('Unary', false, false);
const UPLOAD = method('Upload', true, false);
const DOWNLOAD = method('Download', false, true);
const BIDI = method('Bidi', true, true);
const ENDLESS = method('Endless', false, true);
const LARGE = Buffer.alloc(1_000_000, 'x');

const server = new Server({ 'grpc.max_receive_message_length': -1 });
const cancelled: string[] = [];
let under: TestGateway;
let client: Client;

beforeAll(async () => {
  server.addService(
    { unary: UNARY, upload: UPLOAD, download: DOWNLOAD, bidi: BIDI, endless: ENDLESS },
    {
      unary: ({ request, metadata }: ServerUnaryCall<Call, Call>, done: sendUnaryData<Call>) => {
        const trailer = new Metadata();
        trailer.set('x-answered', String(metadata.get('x-asked')[0] ?? ''));
        if (request.toString() !== 'fail') done(null, request, trailer);
        else done({ code: status.FAILED_PRECONDITION, details: 'not like this: ä', metadata: trailer });
      },
      upload: (call: ServerReadableStream<Call, Call>, done: sendUnaryData<Call>) => {
        let octets = 0;
        call.on('data', (chunk: Buffer) => {
          octets += chunk.length;
        });
        call.on('end', () => done(null, Buffer.from(String(octets))));
      },
      download: async (call: ServerWritableStream<Call, Call>) => {
        for (let i = 0; i < 20; i++) if (!call.write(LARGE)) await new Promise(resolve => call.once('drain', resolve));
        call.end();
      },
      bidi: (call: ServerDuplexStream<Call, Call>) => {
        call.on('data', (chunk: Buffer) => call.write(Buffer.from(chunk.toString().toUpperCase())));
        call.on('end', () => call.end());
      },
      endless: (call: ServerWritableStream<Call, Call>) => {
        call.write(Buffer.from('first'));
        call.on('cancelled', () => cancelled.push(call.request.toString()));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  under = await TestGateway.start([`h2c://127.0.0.1:${port}`]);
  client = new Client(`127.0.0.1:${under.port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
});
afterAll(async () => {
  client.close();
  server.forceShutdown();
  await under.stop();
});

interface Answer {
  readonly body: string;
  readonly code: number;
  readonly details: string;
  readonly trailer: string;
}

function unary(body: string, options: { deadline?: number } = {}, definition = UNARY): Promise<Answer> {
  const { path, requestSerialize, responseDeserialize } = definition;
  const metadata = new Metadata();
  metadata.set('x-asked', 'by a test');
  return new Promise(resolve => {
    let answer = '';
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.from(body),
      metadata,
      options,
      (_error, value) => {
        answer = value?.toString() ?? '';
      },
    );
    call.on('status', ({ code, details, metadata: trailer }) =>
      resolve({ body: answer, code, details, trailer: String(trailer.get('x-answered')[0] ?? '') }),
    );
  });
}

describe('calls of every kind', () => {
  it('unary, with metadata both ways', async () => {
    expect(await unary('hello')).toEqual({ body: 'hello', code: status.OK, details: 'OK', trailer: 'by a test' });
  });

  it('unary that fails: code, text and metadata of the server', async () => {
    expect(await unary('fail')).toEqual({
      body: '',
      code: status.FAILED_PRECONDITION,
      details: 'not like this: ä',
      trailer: 'by a test',
    });
  });

  it('client streaming, 20 MB', async () => {
    const octets = await new Promise<string>((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = UPLOAD;
      const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error, value) =>
        error === null ? resolve(String(value)) : reject(error),
      );
      for (let i = 0; i < 20; i++) call.write(LARGE);
      call.end();
    });
    expect(octets).toBe('20000000');
  });

  it('server streaming, 20 MB', async () => {
    const { path, requestSerialize, responseDeserialize } = DOWNLOAD;
    const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from('go'));
    let octets = 0;
    for await (const chunk of call) octets += (chunk as Buffer).length;
    expect(octets).toBe(20_000_000);
  });

  it('both at once, each answer before the next question', async () => {
    const { path, requestSerialize, responseDeserialize } = BIDI;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const answers: string[] = [];
    for (const word of ['one', 'two', 'three']) {
      call.write(Buffer.from(word));
      answers.push(String(await new Promise(resolve => call.once('data', resolve))));
    }
    call.end();
    const end = await new Promise<{ code: number }>(resolve => call.on('status', resolve));
    expect([...answers, end.code]).toEqual(['ONE', 'TWO', 'THREE', status.OK]);
  });

  it('a hundred at once on one connection', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => unary(`n${i}`)));
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 100 }, (_, i) => `n${i}`));
  });
});

describe('calls that end early', () => {
  it('cancellation by the client reaches the server', async () => {
    const { path, requestSerialize, responseDeserialize } = ENDLESS;
    const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, Buffer.from('by hand'));
    call.on('error', () => {});
    await new Promise(resolve => call.once('data', resolve));
    call.cancel();
    await vi.waitFor(() => expect(cancelled).toContain('by hand'), PATIENCE);
    expect(await under.line({ path: '/test.Echo/Endless', reason: 'client_reset' })).toMatchObject({ status: 200 });
  });

  it('a deadline is DEADLINE_EXCEEDED for the client, and the server hears of it', async () => {
    const { path, requestSerialize, responseDeserialize } = ENDLESS;
    // So long that the call has reached the server before, also on a busy machine.
    const options = { deadline: Date.now() + 2000 };
    const call = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.from('too late'),
      options,
    );
    call.on('error', () => {});
    call.resume();
    const { code } = await new Promise<{ code: number }>(resolve => call.on('status', resolve));
    expect(code).toBe(status.DEADLINE_EXCEEDED);
    await vi.waitFor(() => expect(cancelled).toContain('too late'), PATIENCE);
  });

  it('a backend that is not there is UNAVAILABLE, with the reason in words', async () => {
    const down = await TestGateway.start(['h2c://127.0.0.1:1']);
    const other = new Client(`127.0.0.1:${down.port}`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = UNARY;
    const error = await new Promise<{ code?: number; details?: string } | null>(resolve =>
      other.makeUnaryRequest(path, requestSerialize, responseDeserialize, Buffer.from('x'), resolve),
    );
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringMatching(/^backend_refused 127/) });
    other.close();
    await down.stop();
  });
});
