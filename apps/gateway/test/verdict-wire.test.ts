/**
 * The demo's scenarios over real sockets, through a whole gateway with its inspector: each comes to its verdict within a
 * second, and stands in the log and in the answer to a question in the same words.
 */
import {
  encodeMessage,
  type LogEvent,
  parseLog,
  parseServerMessage,
  plainText,
  SUBPROTOCOL,
} from '@glassway/inspector-protocol';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { SCENARIO_NAMES } from '../src/demo/scenarios/names.ts';
import { playScenario, startScenarioBackend } from '../src/demo/scenarios/run.ts';
import { SCENARIOS } from '../src/demo/scenarios/scenarios.ts';
import { startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';
import { PATIENCE_MS } from './support/patience.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

type VerdictEvent = Extract<LogEvent, { kind: 'verdict' }>;

/** A viewer of the inspector at this address that wants events only. */
async function watch(inspectorUrl: string, onVerdict: (event: VerdictEvent) => void): Promise<WebSocket> {
  const { host, hash, origin } = new URL(inspectorUrl);
  const socket = new WebSocket(`ws://${host}/ws`, [SUBPROTOCOL], { origin });
  undo.push(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(encodeMessage({ type: 'auth', token: hash.slice('#token='.length) })));
    socket.binaryType = 'arraybuffer';
    socket.on('message', (data, isBinary) => {
      if (isBinary) {
        const message = parseLog(data as ArrayBuffer);
        socket.send(encodeMessage({ type: 'ack', [message.type]: message.to }));
        if (message.type !== 'events') return;
        for (const event of message.events) if (event.kind === 'verdict') onVerdict(event);
        return;
      }
      const message = parseServerMessage(String(data));
      if (message.type === 'hello') {
        socket.send(
          encodeMessage({
            type: 'subscribe',
            id: 1,
            frames: null,
            fields: null,
            events: true,
            payloads: null,
            backlog: 0,
          }),
        );
      } else if (message.type === 'snapshot') resolve(socket);
    });
  });
}

/** What the hub answers, asked again and again what stands still, of one stream. */
class Answers {
  readonly all: { readonly now: number; readonly text: string }[] = [];
  #onAnswer: () => void = () => {};

  constructor(socket: WebSocket, stream: number, verdict: string) {
    const ask = (): void =>
      socket.send(encodeMessage({ type: 'get', id: this.all.length, what: 'verdicts' }), () => {});
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const message = parseServerMessage(String(data));
      if (message.type !== 'reply' || message.what !== 'verdicts') return;
      const ours = message.verdicts.find(each => each.stream === stream && each.verdict.code === verdict);
      this.all.push({ now: message.now, text: ours === undefined ? 'nothing' : plainText(ours.verdict.sentence) });
      this.#onAnswer();
      const again = setTimeout(ask, 20);
      undo.push(() => clearTimeout(again));
    });
    ask();
  }

  /** The answer to a question that is asked after this. */
  async next(): Promise<{ readonly now: number; readonly text: string }> {
    // The one under way may have been asked before.
    for (const count = this.all.length + 2; this.all.length < count; ) {
      await new Promise<void>(resolve => (this.#onAnswer = resolve));
    }
    return this.all.at(-1)!;
  }
}

it('--log-stalls: the log says so without anybody looking, once at the beginning and once at the end', async () => {
  const backend = await startScenarioBackend('stream-window');
  undo.push(() => backend.close());
  const lines: string[] = [];
  let more: () => void = () => {};
  const logger = new Logger('warn', line => {
    lines.push(line);
    more();
  });
  const settings = { ...DEFAULT_SETTINGS, https: null, http: ANY_PORT, inspector: ANY_PORT, watch: false };
  const gateway = await startGateway(
    { ...backend.adapt!(settings), logStalls: true, routes: backend.routes },
    { logger, inspectorPage: null, reportFailures: false },
  );
  undo.push(() => gateway.close(0));
  const stop = playScenario('stream-window', gateway.http!);
  undo.push(stop);
  const until = async (part: string): Promise<void> => {
    while (!lines.some(line => line.includes(part))) await new Promise<void>(resolve => (more = resolve));
  };
  await until('STREAM_SEND_WINDOW on stream 1 of connection 1: Stream 1 has ');
  stop();
  await until('Stream 1 of connection 1 goes on, or has ended, after ');
  expect(lines.filter(line => line.includes('STREAM_SEND_WINDOW on'))).toHaveLength(1);
});

describe.each(SCENARIO_NAMES)('scenario %s', name => {
  const { verdict, stream } = SCENARIOS[name];

  it(`comes to ${verdict} within a second`, async () => {
    const backend = await startScenarioBackend(name);
    undo.push(() => backend.close());
    const settings = { ...DEFAULT_SETTINGS, https: null, http: ANY_PORT, inspector: ANY_PORT, watch: false };
    const gateway = await startGateway(
      { ...backend.adapt!(settings), routes: backend.routes },
      { logger: new Logger('error'), inspectorPage: null, reportFailures: false },
    );
    undo.push(() => gateway.close(0));
    const seen: string[] = [];
    let answers: Answers | null = null;
    const found = new Promise<VerdictEvent>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`no ${verdict} on stream ${stream}, but ${seen.join('; ')}`)),
        PATIENCE_MS,
      );
      undo.push(() => clearTimeout(late));
      const onVerdict = (event: VerdictEvent): void => {
        seen.push(`${event.connection}/${event.stream} ${event.code}`);
        if (event.code === verdict && event.stream === stream) resolve(event);
      };
      watch(gateway.inspectorUrl!, onVerdict).then(opened => {
        answers = new Answers(opened, stream, verdict);
        undo.push(playScenario(name, gateway.http!));
      }, reject);
    });
    const event = await found;
    expect(event.text).toContain(`tream ${stream}`);
    const reply = await answers!.next();
    // Counted in answers, not in time: on a busy machine the hub may not have run when it was due. One answer may come before
    // its look at what is new, and one more before the rows that it reads then.
    const late = answers!.all.filter(({ now, text }) => now > event.since + 1_300_000 && text === 'nothing');
    expect(late.length).toBeLessThanOrEqual(2);
    // Only ages differ.
    const timeless = (text: string): string => text.replace(/[\d.,]+ (ms|s|min|KB|MB|B)\b/g, '#');
    expect(timeless(reply.text)).toBe(timeless(event.text));
  });
});
