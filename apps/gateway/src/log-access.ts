/**
 * The access log: one line per exchange, as text or JSON. Lines are gathered and written by the thread pool, one write
 * at a time, so a slow disk or a stuck pipe never holds up traffic. When writing fails, lines are lost and counted, and
 * one warning says so; the next that works says how many.
 */
import { close, open, write } from 'node:fs';
import { errorCodeName } from '@glassway/h2-core';
import { endpoint } from './config/address.ts';
import type { Reason } from './exchange/reason.ts';
import type { ConnectionEvent, ExchangeRecord, RecordSink } from './exchange/record.ts';
import type { Logger } from './log.ts';

/** How a line is written. */
export type AccessFormat = 'text' | 'json';

/** Makes lines, with their newline. `now`: wall clock time in ms at which it happened. */
export interface AccessFormatter {
  readonly record: (record: ExchangeRecord, now: number) => string;
  readonly event: (event: ConnectionEvent, now: number) => string;
}

/** Lines are written at the latest this long after they were made. */
const FLUSH_MS = 100;
/** Lines are written at once when this many characters are waiting. */
const FLUSH_CHARS = 64 * 1024;
/** Beyond this many waiting characters lines are dropped: a disk that hangs must not fill the memory. */
const WAITING_MAX_CHARS = 4 * 1024 * 1024;
/** A pipe that is full is tried again after this long. */
const AGAIN_MS = 50;

/** Writes `buffer` somewhere, calling back once with an error or the octets written (perhaps not all). */
export type WriteOut = (buffer: Buffer, done: (error: NodeJS.ErrnoException | null, written: number) => void) => void;

/** Opens the log: a path (appended to) or `-` for standard output. Throws the system's error when it cannot. */
export async function openAccessLog(target: string, format: AccessFormat, logger: Logger): Promise<AccessLog> {
  const formatter = format === 'json' ? JSON_FORMAT : TEXT_FORMAT;
  if (target === '-') return new AccessLog(formatter, writeTo(1), logger, 'standard output', null);
  const fd = await new Promise<number>((resolve, reject) =>
    open(target, 'a', 0o640, (error, opened) => (error ? reject(error) : resolve(opened))),
  );
  return new AccessLog(formatter, writeTo(fd), logger, target, () => close(fd, () => {}));
}

function writeTo(fd: number): WriteOut {
  return (buffer, done) => write(fd, buffer, done);
}

/** The access log on one target. */
export class AccessLog implements RecordSink {
  readonly #format: AccessFormatter;
  readonly #writeOut: WriteOut;
  readonly #logger: Logger;
  readonly #name: string;
  readonly #release: (() => void) | null;
  #waiting = '';
  #waitingLines = 0;
  #writing = false;
  #timer: NodeJS.Timeout | null = null;
  #failing = false;
  #lost = 0;
  #closed: (() => void) | null = null;

  /** `name` is for warnings; `release` frees the target after the last write. */
  constructor(format: AccessFormatter, writeOut: WriteOut, logger: Logger, name: string, release: (() => void) | null) {
    this.#format = format;
    this.#writeOut = writeOut;
    this.#logger = logger;
    this.#name = name;
    this.#release = release;
  }

  /** Lines written, and lines lost because the target was full, stuck or too slow. */
  readonly counts: { written: number; lost: number } = { written: 0, lost: 0 };

  write(record: ExchangeRecord): void {
    if (this.#hasRoom()) this.#add(this.#format.record(record, Date.now()));
  }

  event(event: ConnectionEvent): void {
    if (this.#hasRoom()) this.#add(this.#format.event(event, Date.now()));
  }

  #hasRoom(): boolean {
    if (this.#waiting.length <= WAITING_MAX_CHARS) return true;
    this.#lose(1, 'it does not keep up');
    return false;
  }

  #add(line: string): void {
    this.#waiting += line;
    this.#waitingLines++;
    if (this.#writing) return;
    if (this.#waiting.length >= FLUSH_CHARS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  /** Writes what is waiting and frees the target. A target that is stuck is given up after `deadlineMs`. */
  async close(deadlineMs = 1000): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#closed = () => {
        clearTimeout(timer);
        resolve();
      };
      if (!this.#writing) this.#flush();
    });
    this.#release?.();
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#waiting === '') {
      this.#closed?.();
      return;
    }
    const buffer = Buffer.from(this.#waiting, 'utf8');
    const lines = this.#waitingLines;
    this.#waiting = '';
    this.#waitingLines = 0;
    this.#writing = true;
    this.#put(buffer, lines);
  }

  #put(buffer: Buffer, lines: number): void {
    this.#writeOut(buffer, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#put(buffer, lines), AGAIN_MS);
        return;
      }
      if (error) this.#lose(lines, error.message);
      else if (written < buffer.length) {
        this.#put(buffer.subarray(written), lines);
        return;
      } else {
        this.counts.written += lines;
        this.#recovered();
      }
      this.#writing = false;
      this.#flush();
    });
  }

  #lose(lines: number, why: string): void {
    this.#lost += lines;
    this.counts.lost += lines;
    if (this.#failing) return;
    this.#failing = true;
    this.#logger.warn(`the access log cannot be written to ${this.#name} (${why}); requests go on, lines are lost`);
  }

  #recovered(): void {
    if (!this.#failing || this.#waiting.length > WAITING_MAX_CHARS) return;
    this.#failing = false;
    this.#logger.warn(`the access log is written to ${this.#name} again; ${this.#lost} lines were lost`);
    this.#lost = 0;
  }
}

/** `TIME CLIENT PROTOCOL METHOD URL STATUS key=value...`; fields never contain spaces. */
export function textLine(record: ExchangeRecord, now: number): string {
  const { client, request } = record;
  const url = printable(`${request.scheme}://${request.authority}${request.path}`);
  return (
    `${isoTime(now)} ${endpoint(client.address, client.port)} ${client.protocol} ${printable(request.method)} ${url} ` +
    `${record.status || '-'} up=${record.bytesUp} down=${record.bytesDown} queued=${ms(record.assignedAt, record)} ` +
    `first=${ms(record.firstByteAt, record)} total=${ms(record.finishedAt, record)} backend=${record.backend || '-'} ` +
    `attempts=${record.attempts} conn=${client.connectionId} stream=${client.streamId} ${reasonText(record.reason)}\n`
  );
}

/** One JSON object per line; times in ms, absent when the exchange did not come that far. */
export function jsonLine(record: ExchangeRecord, now: number): string {
  const { client, request } = record;
  const line = `${JSON.stringify({
    time: isoTime(now),
    client: client.address,
    port: client.port,
    protocol: client.protocol,
    tls: client.tls,
    conn: client.connectionId,
    stream: client.streamId,
    method: request.method,
    scheme: request.scheme,
    authority: request.authority,
    path: request.path,
    status: record.status,
    bytesUp: record.bytesUp,
    bytesDown: record.bytesDown,
    queuedMs: since(record.assignedAt, record),
    firstByteMs: since(record.firstByteAt, record),
    totalMs: since(record.finishedAt, record),
    backend: record.backend || undefined,
    attempts: record.attempts,
    ...reasonJson(record.reason),
  })}\n`;
  // What was refused may be anything; what was served is ASCII.
  return record.reason === null ? line : withoutControls(line);
}

/** `TIME CLIENT PROTOCOL GOAWAY key=value...`; GOAWAY, RST_STREAM or RESPONSE stands where a request has its method. */
export function textEvent({ what, client, reason }: ConnectionEvent, now: number): string {
  return (
    `${isoTime(now)} ${endpoint(client.address, client.port)} ${client.protocol} ${EVENT_NAMES[what]} ` +
    `code=${what === 'response' ? reason.status : errorCodeName(reason.h2Code)} ` +
    `conn=${client.connectionId} stream=${client.streamId} ${reasonText(reason)}\n`
  );
}

/** The same as an object, with `event` instead of a method. */
export function jsonEvent({ what, client, reason }: ConnectionEvent, now: number): string {
  const line = `${JSON.stringify({
    time: isoTime(now),
    event: what,
    client: client.address,
    port: client.port,
    protocol: client.protocol,
    tls: client.tls,
    conn: client.connectionId,
    stream: client.streamId,
    ...(what === 'response' ? { status: reason.status } : { code: errorCodeName(reason.h2Code) }),
    ...reasonJson(reason),
  })}\n`;
  return withoutControls(line);
}

/** JSON escapes C0 only: the others act on a terminal just as well, and what turns the direction of text on whoever reads it. */
function withoutControls(line: string): string {
  return line.replace(
    /[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const EVENT_NAMES = { goaway: 'GOAWAY', reset: 'RST_STREAM', response: 'RESPONSE' } as const;

/** Columns are parted by spaces, so the RFC's number and section are joined by a colon. */
function reasonText(reason: Reason | null): string {
  if (reason === null) return 'reason=-';
  return `reason=${reason.code} rule=${reason.rule} rfc=${reason.rfc === '' ? '-' : reason.rfc.replace(' ', ':')}`;
}

function reasonJson(reason: Reason | null): object {
  if (reason === null) return {};
  return { reason: reason.code, rule: reason.rule, rfc: reason.rfc || undefined, message: reason.text };
}

const TEXT_FORMAT: AccessFormatter = { record: textLine, event: textEvent };
const JSON_FORMAT: AccessFormatter = { record: jsonLine, event: jsonEvent };

function since(at: number, record: ExchangeRecord): number | undefined {
  return at < 0 ? undefined : Math.round((at - record.startedAt) * 1000) / 1000;
}

function ms(at: number, record: ExchangeRecord): string {
  return at < 0 ? '-' : `${(at - record.startedAt).toFixed(1)}ms`;
}

/** Keeps a line one line and its columns apart, whatever a client sent. `allowed`: a character to leave alone. */
export function printable(text: string, allowed = ''): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code <= 0x20 || code >= 0x7f) && text[i] !== allowed) return escapeAll(text, allowed);
  }
  return text;
}

function escapeAll(text: string, allowed: string): string {
  return encodeURI(text.replace(/\p{Surrogate}/gu, '\ufffd')).replaceAll('%20', allowed === ' ' ? ' ' : '%20');
}

let isoMs = -1;
let isoText = '';

/** Many lines share a millisecond. */
function isoTime(now: number): string {
  if (now !== isoMs) {
    isoMs = now;
    isoText = new Date(now).toISOString();
  }
  return isoText;
}
