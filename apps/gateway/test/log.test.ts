import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ReasonCode, reason } from '../src/exchange/reason.ts';
import { ExchangeRecord } from '../src/exchange/record.ts';
import { Logger } from '../src/log.ts';
import {
  type AccessFormatter,
  AccessLog,
  jsonEvent,
  jsonLine,
  openAccessLog,
  textEvent,
  textLine,
  type WriteOut,
} from '../src/log-access.ts';
import { FailureReporter } from '../src/log-failures.ts';
import { FACTS, request } from './exchange-fakes.ts';

const NOON = Date.UTC(2026, 0, 2, 12, 0, 0, 345);

function record(path = '/a'): ExchangeRecord {
  const made = new ExchangeRecord(FACTS, request({ path }), 1000);
  made.assignedAt = 1000.5;
  made.firstByteAt = 1002.25;
  made.finishedAt = 1010;
  made.status = 200;
  made.backend = 'http://127.0.0.1:3000';
  made.attempts = 1;
  made.bytesDown = 42;
  return made;
}

/** A format whose every line is this. */
function lineOf(line: string): AccessFormatter {
  return { record: () => line, event: () => line };
}

function collect(): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  return { lines, logger: new Logger('warn', line => void lines.push(line)) };
}

describe('access log lines', () => {
  it('text', () => {
    expect(textLine(record(), NOON)).toBe(
      '2026-01-02T12:00:00.345Z 192.0.2.7:50000 h2 GET https://example.com/a 200 up=0 down=42 queued=0.5ms first=2.3ms ' +
        'total=10.0ms backend=http://127.0.0.1:3000 attempts=1 conn=3 stream=5 reason=-\n',
    );
  });

  it('what the gateway does to a connection has a line of its own, with reason, rule and section', () => {
    const why = reason('client_protocol_error', 'bad', { rule: 'settings.length', rfc: '9113 6.5', h2Code: 6 });
    const event = { what: 'goaway', client: { ...FACTS, streamId: 0 }, reason: why } as const;
    expect(textEvent(event, NOON)).toBe(
      '2026-01-02T12:00:00.345Z 192.0.2.7:50000 h2 GOAWAY code=FRAME_SIZE_ERROR conn=3 stream=0 ' +
        'reason=client_protocol_error rule=settings.length rfc=9113:6.5\n',
    );
    expect(JSON.parse(jsonEvent(event, NOON))).toMatchObject({
      event: 'goaway',
      code: 'FRAME_SIZE_ERROR',
      reason: 'client_protocol_error',
      rule: 'settings.length',
      rfc: '9113 6.5',
    });
  });

  it('text: an exchange that never found a backend', () => {
    const made = record();
    Object.assign(made, {
      assignedAt: -1,
      firstByteAt: -1,
      status: 0,
      backend: '',
      reason: reason('client_reset', ''),
    });
    expect(textLine(made, NOON)).toContain(' - up=0 down=42 queued=- first=- total=10.0ms backend=- ');
    expect(textLine(made, NOON)).toMatch(/reason=client_reset rule=client-reset rfc=9113:6.4\n$/);
  });

  it('text: nothing a client sends can forge a line', () => {
    const line = textLine(record('/a\n2026 forged\u00e9'), NOON);
    expect(line.match(/\n/g)).toHaveLength(1);
    expect(line).toContain('/a%0A2026%20forged%C3%A9 200');
  });

  it('JSON', () => {
    const made = record();
    made.reason = reason('backend_closed', 'gone');
    expect(JSON.parse(jsonLine(made, NOON))).toMatchObject({
      time: '2026-01-02T12:00:00.345Z',
      path: '/a',
      status: 200,
      queuedMs: 0.5,
      firstByteMs: 2.25,
      totalMs: 10,
      reason: 'backend_closed',
    });
  });
});

describe('JSON lines of what was refused', () => {
  const hostile = 'a\u001b[31m\u009b31m\u0085\u007f"\\\u202e\u2066\u2028\u00e9';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
  const harmful = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

  it('hold no octet that acts on a terminal or turns the text around, and say the same', () => {
    const made = new ExchangeRecord(FACTS, request({ authority: hostile }), 1000);
    made.reason = reason('request_rejected', `host "${hostile}" is not a host and port`);
    const line = jsonLine(made, NOON);
    expect(line).not.toMatch(harmful);
    expect(JSON.parse(line)).toMatchObject({ authority: hostile, message: made.reason.text });
    const event = jsonEvent({ what: 'goaway', client: FACTS, reason: made.reason }, NOON);
    expect(event).not.toMatch(harmful);
    expect(JSON.parse(event)).toMatchObject({ message: made.reason.text });
  });
});

describe('access log writing', () => {
  it('gathers lines into one write, and close waits for it', async () => {
    const writes: string[] = [];
    const out: WriteOut = (buffer, done) => {
      setImmediate(() => {
        writes.push(String(buffer));
        done(null, buffer.length);
      });
    };
    const log = new AccessLog(lineOf('x\n'), out, collect().logger, 'there', null);
    for (let i = 0; i < 3; i++) log.write(record());
    await log.close();
    expect(writes).toEqual(['x\nx\nx\n']);
  });

  it('goes on after a partial write and a full pipe', async () => {
    const got: string[] = [];
    const errors: (NodeJS.ErrnoException | null)[] = [Object.assign(new Error('again'), { code: 'EAGAIN' })];
    const out: WriteOut = (buffer, done) => {
      const error = errors.shift() ?? null;
      if (error) return done(error, 0);
      got.push(String(buffer.subarray(0, 3)));
      done(null, Math.min(3, buffer.length));
    };
    const { lines, logger } = collect();
    const log = new AccessLog(lineOf('abcde\n'), out, logger, 'there', null);
    log.write(record());
    await log.close();
    expect(got.join('')).toBe('abcde\n');
    expect(lines).toEqual([]);
  });

  it('a full disk costs one warning and the lines of that time', async () => {
    let full = true;
    const got: string[] = [];
    const { lines, logger } = collect();
    const out: WriteOut = (buffer, done) => {
      if (full) return done(Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 0);
      got.push(String(buffer));
      done(null, buffer.length);
    };
    const big = 'x'.repeat(70_000);
    const log = new AccessLog(lineOf(big), out, logger, '/log', null);
    log.write(record());
    log.write(record());
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('/log (no space left)');
    full = false;
    log.write(record());
    await log.close();
    expect(got).toHaveLength(1);
    expect(lines[1]).toContain('2 lines were lost');
  });

  it('a target that hangs does not fill the memory and is given up at the end', async () => {
    const { lines, logger } = collect();
    const big = 'x'.repeat(1_000_000);
    const log = new AccessLog(lineOf(big), () => {}, logger, 'a pipe', null);
    for (let i = 0; i < 100; i++) log.write(record());
    expect(lines).toEqual([expect.stringContaining('does not keep up')]);
    await log.close(10);
  });

  it('appends to a file', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'glassway-')), 'access.log');
    for (let i = 0; i < 2; i++) {
      const log = await openAccessLog(path, 'json', collect().logger);
      log.write(record());
      await log.close();
    }
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(lines.map(line => JSON.parse(line).status)).toEqual([200, 200]);
    await expect(openAccessLog('/nowhere/at/all', 'text', collect().logger)).rejects.toThrow(/ENOENT/);
  });
});

describe('failures', () => {
  const failed = (code: ReasonCode, finishedAt: number, backend = 'http://a'): ExchangeRecord => {
    const made = record('/a b');
    Object.assign(made, { reason: reason(code, 'it is down'), finishedAt, backend });
    return made;
  };

  it('are told once per kind and while, with the number of those in between', () => {
    const { lines, logger } = collect();
    const written: ExchangeRecord[] = [];
    const reporter = new FailureReporter(logger, { write: each => void written.push(each), event: () => {} });
    for (const each of [
      failed('backend_refused', 0),
      failed('backend_refused', 1000),
      failed('backend_refused', 9999),
      failed('backend_refused', 1000, 'http://b'),
      failed('backend_closed', 1000),
      failed('client_reset', 1000),
      failed('shutting_down', 1000),
      record(),
      failed('backend_refused', 10_000),
      failed('backend_refused', 20_000),
    ]) {
      reporter.write(each);
    }
    const line = 'glassway: warning: GET https://example.com/a%20b: ';
    expect(lines).toEqual([
      `${line}backend_refused, it is down\n`,
      `${line}backend_refused, it is down\n`,
      `${line}backend_closed, it is down\n`,
      `${line}backend_refused, it is down; 2 more since the last such line\n`,
      `${line}backend_refused, it is down\n`,
    ]);
    expect(written).toHaveLength(10);
  });
});

describe('messages', () => {
  it('are one line each, up to the level', () => {
    const { lines, logger } = collect();
    logger.error('a');
    logger.warn('b');
    logger.info('c');
    logger.debug('d');
    expect(lines).toEqual(['glassway: error: a\n', 'glassway: warning: b\n']);
  });
});
