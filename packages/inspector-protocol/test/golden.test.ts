/** The wire format of each version, octet for octet. A difference means old pages and recordings would be misread. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  BinaryKind,
  encodeLog,
  encodeMessage,
  FRAMES_HEADER_BYTES,
  FrameColumns,
  loadRecording,
  PROTOCOL_VERSION,
  parseClientMessage,
  parseLog,
  parseServerMessage,
  RecordingWriter,
  readBinaryHeader,
  readFramesHeader,
  readPayloads,
  SUBPROTOCOL,
  utf8,
} from '../src/index.ts';
import { CLIENT_MESSAGES, framesMessage, LOG_MESSAGES, PIECES, payloadsMessage, SERVER_MESSAGES } from './samples.ts';

const golden = (name: string, version: number = PROTOCOL_VERSION): string =>
  readFileSync(new URL(`./golden/v${version}/${name}`, import.meta.url), 'utf8');
const octets = (hex: string): ArrayBuffer => Uint8Array.from(Buffer.from(hex.trim(), 'hex')).buffer;
const lines = (text: string): string[] => text.trimEnd().split('\n');

describe('version 5', () => {
  it('is named so', () => {
    expect(PROTOCOL_VERSION).toBe(5);
    expect(SUBPROTOCOL).toBe('glassway.inspector.v5');
  });

  it('refuses version 1, and any to come, by name', () => {
    expect(() => readFramesHeader(octets(golden('frames.hex', 1)))).toThrow('version 1, this side speaks 5');
    const next = octets(golden('frames.hex'));
    new Uint8Array(next)[1] = PROTOCOL_VERSION + 1;
    expect(() => readFramesHeader(next)).toThrow('version 6, this side speaks 5');
  });

  it.each([2, 3, 4])('reads what version %i recorded: what came later was added', version => {
    expect(readFramesHeader(octets(golden('frames.hex', version)))).toEqual(
      readFramesHeader(octets(golden('frames.hex'))),
    );
    const texts = lines(golden('server.jsonl', version));
    const messages = texts.map(parseServerMessage);
    expect(messages.find(message => message.type === 'snapshot')).toMatchObject({
      from: { fields: 0, payloads: 0 },
      head: { fields: 20, payloads: version === 4 ? 60 : 0 },
    });
    const writer = new RecordingWriter();
    const file = Buffer.concat([
      writer.begin(),
      ...texts.map(text => writer.text(utf8(text))),
      writer.frames(new Uint8Array(octets(golden('frames.hex', version)))),
      writer.end(),
    ]);
    file[8] = version;
    const recording = loadRecording(new Uint8Array(file));
    expect(recording).toMatchObject({ count: 2, hello: { version } });
    const { worker } = recording.connections.get(7)!.facts;
    expect(worker).toBe(version === 2 ? undefined : 2);
    expect(recording.payloads.all()).toEqual([]);
  });

  it('payloads', () => {
    expect(Buffer.from(payloadsMessage()).toString('hex')).toBe(golden('payloads.hex').trim());
    const buffer = octets(golden('payloads.hex'));
    expect(readBinaryHeader(buffer).kind).toBe(BinaryKind.PAYLOADS);
    expect(readPayloads(buffer)).toEqual({ from: 58, to: 60, pieces: PIECES });
  });

  it('client messages', () => {
    expect(CLIENT_MESSAGES.map(encodeMessage)).toEqual(lines(golden('client.jsonl')));
    expect(lines(golden('client.jsonl')).map(parseClientMessage)).toEqual(CLIENT_MESSAGES);
  });

  it('server messages', () => {
    expect(SERVER_MESSAGES.map(encodeMessage)).toEqual(lines(golden('server.jsonl')));
    expect(lines(golden('server.jsonl')).map(parseServerMessage)).toEqual(SERVER_MESSAGES);
  });

  it.each(['fields', 'events'])('%s', type => {
    const message = LOG_MESSAGES.find(each => each.type === type)!;
    expect(Buffer.from(encodeLog(message)).toString('hex')).toBe(golden(`${type}.hex`).trim());
    expect(parseLog(octets(golden(`${type}.hex`)))).toEqual(message);
  });

  it('reads version 4, in which field sections and events are text', () => {
    const told = lines(golden('server.jsonl', 4)).map(parseServerMessage);
    const logs = told.filter(({ type }) => type === 'fields' || type === 'events');
    const [fields, events] = LOG_MESSAGES;
    expect(logs).toEqual([{ ...fields, to: 20, sections: fields.sections.slice(0, 1) }, events]);
    const others = told.filter(message => !logs.includes(message));
    expect(others).toEqual(
      SERVER_MESSAGES.map(message => (message.type === 'hello' ? { ...message, version: 4 } : message)),
    );
  });

  it('frames', () => {
    expect(Buffer.from(framesMessage()).toString('hex')).toBe(golden('frames.hex').trim());
    const buffer = octets(golden('frames.hex'));
    expect(readFramesHeader(buffer)).toEqual({ kind: 1, count: 2, from: 0x1_ffff_fffe, to: 0x2_0000_0001 });
    const columns = new FrameColumns(2);
    expect(columns.append(0, buffer, FRAMES_HEADER_BYTES, 2, 0x1_ffff_fffe)).toBe(0);
    const row = (at: number) =>
      Object.fromEntries(
        Object.entries(columns).flatMap(([name, column]) => (typeof column === 'object' ? [[name, column[at]]] : [])),
      );
    expect(row(0)).toEqual({
      t: 41_203_100.5,
      seq: 0x1_ffff_fffe,
      connection: 7,
      leg: 0,
      direction: 0,
      stream: 5,
      injected: 0,
      length: 62,
      type: 1,
      flags: 0x25,
      mark: 8,
      ref: 12,
      connectionWindow: 65_535,
      streamWindow: 65_535,
      aux: 12,
    });
    expect(row(1)).toEqual({
      t: 2 ** 52,
      seq: 0x2_0000_0000,
      connection: 2 ** 30 - 1,
      leg: 1,
      direction: 1,
      stream: 2 ** 31 - 1,
      injected: 0,
      length: 2 ** 24 - 1,
      type: 255,
      flags: 255,
      mark: 255,
      ref: 65_535,
      connectionWindow: -(2 ** 31),
      streamWindow: 2 ** 31 - 1,
      aux: 2 ** 32 - 1,
    });
  });
});
