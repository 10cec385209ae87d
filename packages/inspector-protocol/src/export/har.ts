/** HAR 1.2: the requests of clients, with trailers as custom members. */
import { type FieldSection, SectionKind } from '../fields.ts';
import type { Recording } from '../loaded-recording.ts';
import { concat } from '../octets.ts';
import { FrameType } from '../record.ts';
import type { StreamState } from '../rows.ts';
import { leading, SectionIndex, shownValue } from './frames.ts';

interface Pair {
  readonly name: string;
  readonly value: string;
}

/** A HAR document of the requests of clients in these rows; requests of HTTP/1.1, which have no frames, are all in it. */
export function exportHar(recording: Recording, rows: readonly number[]): string {
  const sections = new SectionIndex(recording.sections);
  const { frames, connections, streams } = recording;
  const wanted = new Set<string>();
  for (const row of rows) if (frames.stream[row] !== 0) wanted.add(`${frames.connection[row]}/${frames.stream[row]}`);
  const bodies = bodiesOf(recording);
  const entries: unknown[] = [];
  for (const [key, { facts, state }] of streams) {
    const connection = connections.get(facts.connection)?.facts;
    if (connection?.leg !== 0 || state === null) continue;
    if (connection.protocol === 'h2' && !wanted.has(key)) continue;
    const own = sections.of(facts.connection, facts.stream);
    const of = (kind: number): FieldSection | undefined => own.find(section => section.kind === kind);
    const response = of(SectionKind.RESPONSE);
    const timings = timingsOf(state, recording.now);
    const url = `${facts.scheme || 'http'}://${facts.authority}${facts.path}`;
    const version = connection.protocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1';
    entries.push({
      startedDateTime: new Date(recording.hello.epochMs + state.openedAt / 1000).toISOString(),
      time: timings.send + timings.wait + timings.receive + timings.blocked,
      request: {
        method: facts.method,
        url,
        httpVersion: version,
        cookies: [],
        headers: pairs(of(SectionKind.REQUEST)),
        queryString: queryOf(facts.path),
        headersSize: -1,
        bodySize: state.bytesReceived,
        ...postDataOf(bodies.get(`${key}/0`), of(SectionKind.REQUEST)),
      },
      response: {
        status: facts.status,
        statusText: '',
        httpVersion: version,
        cookies: [],
        headers: pairs(response),
        content: { size: state.bytesSent, mimeType: facts.contentType, ...contentOf(bodies.get(`${key}/1`)) },
        redirectURL: '',
        headersSize: -1,
        bodySize: state.bytesSent,
        _trailers: pairs(own.find(section => section.kind === SectionKind.TRAILERS && section.direction === 1)),
      },
      cache: {},
      timings,
      serverIPAddress: hostOf(connection.local),
      connection: String(facts.connection),
      _stream: facts.stream,
      _backend: facts.pair,
      _reset: facts.reset,
      _reason: facts.reason,
    });
  }
  const creator = { name: 'glassway', version: recording.hello.release };
  return `${JSON.stringify({ log: { version: '1.2', creator, entries } }, null, 2)}\n`;
}

interface Body {
  readonly parts: Uint8Array[];
  /** What follows was not kept. */
  ended: boolean;
}

/** The beginnings of bodies by connection, stream and direction, as far as they were kept without a gap. */
function bodiesOf(recording: Recording): Map<string, Body> {
  const { frames, payloads, count } = recording;
  const bodies = new Map<string, Body>();
  for (let row = 0; row < count; row++) {
    if (frames.type[row] !== FrameType.DATA) continue;
    const key = `${frames.connection[row]}/${frames.stream[row]}/${frames.direction[row]}`;
    let body = bodies.get(key);
    if (body === undefined) {
      body = { parts: [], ended: false };
      bodies.set(key, body);
    }
    if (body.ended) continue;
    const data = leading(payloads.of(frames.seq[row]!));
    body.parts.push(data);
    if (data.length < frames.length[row]! - frames.aux[row]!) body.ended = true;
  }
  return bodies;
}

function contentOf(body: Body | undefined): { text?: string; encoding?: 'base64'; comment?: string } {
  const octets = concat(body?.parts ?? []);
  if (octets.length === 0) return {};
  const comment = body?.ended ? { comment: `the first ${octets.length} octets; the rest was not kept` } : {};
  return { text: base64(octets), encoding: 'base64', ...comment };
}

function postDataOf(body: Body | undefined, section: FieldSection | undefined): { postData?: unknown } {
  const content = contentOf(body);
  if (content.text === undefined) return {};
  const mimeType = section?.fields.find(field => field.name === 'content-type')?.value ?? '';
  // HAR knows no encoding of what is sent; tools that follow it for responses look for this member.
  return { postData: { mimeType, params: [], ...content } };
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** RFC 4648 4, without what only hosts have. */
function base64(octets: Uint8Array): string {
  let text = '';
  for (let at = 0; at < octets.length; at += 3) {
    const word = (octets[at]! << 16) | ((octets[at + 1] ?? 0) << 8) | (octets[at + 2] ?? 0);
    for (let i = 0; i < 4; i++) text += at + i > octets.length ? '=' : BASE64[(word >> (18 - 6 * i)) & 63]!;
  }
  return text;
}

function pairs(section: FieldSection | undefined): readonly Pair[] {
  return (section?.fields ?? [])
    .filter(field => !field.name.startsWith(':'))
    .map(field => ({ name: field.name, value: shownValue(field) }));
}

function queryOf(path: string): readonly Pair[] {
  const at = path.indexOf('?');
  if (at < 0) return [];
  return path
    .slice(at + 1)
    .split('&')
    .filter(part => part !== '')
    .map(part => {
      const equals = part.indexOf('=');
      return equals < 0 ? { name: part, value: '' } : { name: part.slice(0, equals), value: part.slice(equals + 1) };
    });
}

/** Milliseconds. HAR's `blocked` is our time without a place at a backend; -1 where there is nothing to tell. */
function timingsOf(state: StreamState, now: number): { blocked: number; send: number; wait: number; receive: number } {
  const ms = (us: number): number => Math.max(0, us) / 1000;
  const end = state.closedAt >= 0 ? state.closedAt : now;
  const requested = state.endReceivedAt >= 0 ? state.endReceivedAt : state.openedAt;
  const responded = state.headSentAt >= 0 ? state.headSentAt : end;
  return {
    blocked: ms(state.queuedUs),
    send: ms(requested - state.openedAt),
    wait: ms(Math.max(0, responded - requested) - state.queuedUs),
    receive: ms(end - Math.max(responded, requested)),
  };
}

function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
