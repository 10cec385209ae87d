/** Recordings: what was told comes back octet for octet, whole or cut off, and nothing else is taken for one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EXPORT_FORMATS,
  encodeLog,
  encodeMessage,
  exportRecording,
  fromUtf8,
  loadRecording,
  parseFilter,
  RecordingWriter,
  readRecording,
  saveRecording,
  utf8,
} from '../src/index.ts';
import { framesMessage, LOG_MESSAGES, SERVER_MESSAGES } from './samples.ts';

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap(part => [...part]));
}

function sample(): { readonly file: Uint8Array; readonly texts: readonly string[] } {
  const writer = new RecordingWriter();
  const texts = SERVER_MESSAGES.map(encodeMessage);
  const parts = [
    writer.begin(),
    ...texts.map(text => writer.text(utf8(text))),
    ...LOG_MESSAGES.map(message => writer.log(encodeLog(message))),
    writer.frames(framesMessage()),
    writer.end(),
  ];
  const file = concat(parts);
  expect(writer.bytes).toBe(file.length);
  return { file, texts };
}

describe('a recording', () => {
  it('gives back every message in order', () => {
    const { file, texts } = sample();
    const messages = [...readRecording(file)];
    expect(messages.slice(0, texts.length)).toEqual(texts.map(text => ({ kind: 'text', text })));
    expect(messages.slice(texts.length, -1)).toEqual(
      LOG_MESSAGES.map(message => ({ kind: 'log', bytes: encodeLog(message) })),
    );
    expect(messages.at(-1)).toEqual({ kind: 'frames', bytes: framesMessage() });
  });

  it('has an index at its end that says where the frames are', () => {
    const { file } = sample();
    expect(fromUtf8(file.subarray(-8))).toBe('GLASSEND');
    const at = new DataView(file.buffer).getFloat64(file.length - 16, true);
    const length = new DataView(file.buffer).getUint32(at + 4, true);
    const index = JSON.parse(fromUtf8(file.subarray(at + 8, at + 8 + length))) as {
      offset: number;
      from: number;
      to: number;
    }[];
    expect(index).toEqual([{ offset: expect.any(Number), from: 0x1_ffff_fffe, to: 0x2_0000_0001 }]);
    expect(file[index[0]!.offset]).toBe(1);
  });

  it('that was cut off anywhere gives what is whole of it', () => {
    const { file, texts } = sample();
    for (let cut = 16; cut < file.length; cut += 997) {
      const messages = [...readRecording(file.subarray(0, cut))];
      expect(messages.length).toBeLessThanOrEqual(texts.length + LOG_MESSAGES.length + 1);
      messages.forEach((message, at) => {
        if (message.kind === 'text') expect(message.text).toBe(texts[at]);
      });
    }
  });

  it('of another kind or version is refused by name', () => {
    expect(() => [...readRecording(utf8('not a recording at all'))]).toThrow('no glassway recording');
    const { file } = sample();
    file[8] = 9;
    expect(() => [...readRecording(file)]).toThrow('version 9, this program reads versions 2 to 5');
    file[8] = 1;
    expect(() => [...readRecording(file)]).toThrow('version 1, this program reads versions 2 to 5');
  });

  it('of version 2 is read as well', () => {
    const { file } = sample();
    const whole = loadRecording(file);
    file[8] = 2;
    expect(loadRecording(file)).toEqual(whole);
  });

  it('whatever the octets are, reading ends or is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), octets => {
        const file = concat([new RecordingWriter().begin(), octets]);
        try {
          for (const message of readRecording(file))
            expect(['frames', 'payloads', 'log', 'text']).toContain(message.kind);
        } catch (error) {
          expect((error as Error).message).toMatch(/unknown kind/);
        }
      }),
    );
  });

  it('text of any script survives', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), text => {
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
    expect([...utf8('aé€😀')]).toEqual([...new TextEncoder().encode('aé€😀')]);
  });

  it('saved from what a page holds is the same again', () => {
    const recording = loadRecording(sample().file);
    const again = loadRecording(saveRecording(recording, false));
    expect(again.streams).toEqual(recording.streams);
    expect(again.connections).toEqual(recording.connections);
    expect(again.sections).toEqual(recording.sections);
    expect(again.events).toEqual(recording.events);
    expect(again.frames).toEqual(recording.frames);
  });

  it('put together is the state at its end and all logs', () => {
    const recording = loadRecording(sample().file);
    expect(recording).toMatchObject({ count: 2, dropped: 20, now: 41_341_000 });
    expect(recording.streams.get('7/5')?.facts.path).toBe('/video/seg-041.m4s');
    expect(recording.sections).toHaveLength(2);
    expect(recording.frames.type[0]).toBe(1);
  });
});

describe('exports', () => {
  it('hold what the filter lets pass, and no redacted value', () => {
    const recording = loadRecording(sample().file);
    for (const format of EXPORT_FORMATS) {
      const made = exportRecording(recording, format, null, false);
      const text = typeof made === 'string' ? made : Buffer.from(made).toString('latin1');
      expect(text.length, format).toBeGreaterThan(50);
      if (!['pcapng', 'chrome-trace', 'har', 'html'].includes(format))
        expect(text).toContain('redacted, 61 octets, 9f2c4a7b');
    }
    const none = exportRecording(recording, 'text', parseFilter('type=PING'), false);
    expect(none).toBe('\n');
    expect(exportRecording(recording, 'text', parseFilter('type=HEADERS'), false)).toContain('GET');
  });

  it('HAR, Chrome trace and qlog are what they say', () => {
    const recording = loadRecording(sample().file);
    const har = JSON.parse(exportRecording(recording, 'har', null, false) as string) as {
      log: { version: string; entries: unknown[] };
    };
    expect(har.log.version).toBe('1.2');
    const trace = JSON.parse(exportRecording(recording, 'chrome-trace', null, false) as string) as {
      traceEvents: { ph: string }[];
    };
    expect(new Set(trace.traceEvents.map(event => event.ph))).toEqual(new Set(['M', 'X', 'i']));
    const records = (exportRecording(recording, 'qlog', null, false) as string).split('\u001e').slice(1);
    expect(records.map(record => JSON.parse(record) as { name?: string }).map(record => record.name)).toEqual([
      undefined,
      'http:frame_parsed',
      'http:frame_created',
    ]);
  });

  it('text cannot move the reader’s cursor', () => {
    const recording = loadRecording(sample().file);
    const hostile = recording.sections.map(section => ({
      ...section,
      fields: section.fields.map(field => ({ ...field, value: `${field.value}\u001b[2J\u202e` })),
    }));
    const text = exportRecording({ ...recording, sections: hostile }, 'text', null, false) as string;
    for (const hidden of ['\u001b', '\u202e']) expect(text).not.toContain(hidden);
    expect(text).toContain('\\x1b[2J\\u{202e}');
  });
});
