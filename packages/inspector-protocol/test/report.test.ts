/** The one-file HTML report: what it says, that it runs nothing, and that it shows nothing that was redacted or hidden. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { html } from '../src/export/markup.ts';
import { REPORT_STYLE, REPORT_STYLE_HASH } from '../src/export/report-style.ts';
import {
  Blocked,
  emptyConnectionState,
  emptyStreamState,
  encodeLog,
  encodeMessage,
  exportRecording,
  loadRecording,
  parseFilter,
  type Recording,
  RecordingWriter,
  utf8,
} from '../src/index.ts';
import { framesMessage, LOG_MESSAGES, SERVER_MESSAGES } from './samples.ts';

function recorded(): Recording {
  const writer = new RecordingWriter();
  const parts = [
    writer.begin(),
    ...SERVER_MESSAGES.map(message => writer.text(utf8(encodeMessage(message)))),
    ...LOG_MESSAGES.map(message => writer.log(encodeLog(message))),
    writer.frames(framesMessage()),
    writer.end(),
  ];
  return loadRecording(Uint8Array.from(parts.flatMap(part => [...part])));
}

/** The sample, its stream 7/5 waiting for the connection's window since 1.2 s, with this path. */
function stuck(path = '/video/seg-041.m4s'): Recording {
  const recording = recorded();
  const { now } = recording;
  const facts = { ...recording.streams.get('7/5')!.facts, path, reset: null, reason: null };
  const state = {
    ...emptyStreamState(7, 5, now - 3_000_000),
    state: 5,
    endReceivedAt: now - 3_000_000,
    headSentAt: now - 2_900_000,
    lastProgressAt: now - 1_200_000,
    blocked: Blocked.CONNECTION_WINDOW,
    blockedSince: now - 1_200_000,
    stalledSince: now - 1_200_000,
    pendingBytes: 48_000,
  };
  const connection = {
    facts: { ...recording.connections.get(7)!.facts, closedAt: -1, closeReason: null },
    state: {
      ...emptyConnectionState(7, now - 4_000_000),
      sendWindow: 0,
      blocked: Blocked.CONNECTION_WINDOW,
      blockedSince: now - 1_200_000,
      blockedStreams: 1,
    },
  };
  return {
    ...recording,
    connections: new Map([[7, connection]]),
    streams: new Map([['7/5', { facts, state }]]),
  };
}

const report = (recording: Recording, filter = ''): string =>
  exportRecording(recording, 'html', filter === '' ? null : parseFilter(filter)) as string;

describe('the report', () => {
  it('says in a sentence why a stream stands still, and has the stream and its frames', () => {
    const text = report(stuck());
    expect(text).toContain('<h1>1 stream stood still</h1>');
    expect(text).toContain('SESSION_SEND_WINDOW');
    expect(text).toMatch(/Stream 5 has 48 KB to send, but connection 7’s window is 0/);
    expect(text).toContain('href="#s7-5"');
    expect(text).toContain('<details id="s7-5" open>');
    expect(text).toContain('HEADERS');
    expect(text).toContain('/video/seg-041.m4s');
  });

  it('of a recording in which nothing stands still says so', () => {
    const text = report({ ...stuck(), streams: new Map() });
    expect(text).toContain('<h1>Nothing stood still</h1>');
    expect(text).not.toContain('<details');
  });

  it('shows a redacted value by its length and mark', () => {
    const text = report(stuck());
    expect(text).toContain('redacted, 61 octets, 9f2c4a7b');
  });

  it('says which frames it was narrowed to', () => {
    expect(report(stuck(), 'type=PING')).toContain('only frames that match: ');
    expect(report(stuck(), 'type=PING')).toContain('<h1>Nothing stood still</h1>');
  });

  it('runs nothing: no script, no handler, no style but the one whose hash the policy names', () => {
    const hash = createHash('sha256').update(REPORT_STYLE).digest('base64');
    expect(REPORT_STYLE_HASH).toBe(`sha256-${hash}`);
    const text = report(stuck('/"><script>alert(1)</script><img src=x onerror=alert(1)>'));
    expect(text).toContain(`default-src &#39;none&#39;; style-src &#39;${REPORT_STYLE_HASH}&#39;`);
    expect(text).not.toMatch(/<script|<img|<link|<iframe|\sstyle=|<[^>]*\son\w+=/i);
    expect(text).toContain('&lt;script&gt;');
    expect(text.match(/<style>/g)).toHaveLength(1);
  });

  it('hides nothing: control and direction characters are spelled out', () => {
    const text = report(stuck('/\u202egnp.exe\u0000\u200b'));
    expect(text).toContain('/\\u{202e}gnp.exe\\u{0}\\u{200b}');
    for (const hidden of ['\u202e', '\u0000', '\u200b']) expect(text).not.toContain(hidden);
  });
});

describe('the template', () => {
  it('escapes text wherever it stands, and joins lists of markup', () => {
    const items = ['<', '"', "'", '&amp;'].map(text => html`<li title="${text}">${text}</li>`);
    expect(html`<ul>${items}${null}${5}</ul>`.html).toBe(
      '<ul><li title="&lt;">&lt;</li><li title="&quot;">&quot;</li><li title="&#39;">&#39;</li><li title="&amp;amp;">&amp;amp;</li>5</ul>',
    );
  });
});
