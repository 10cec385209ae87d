/** Traces for other viewers: Chrome's trace event format, and qlog as a JSON text sequence (RFC 7464). */

import type { Recording } from '../loaded-recording.ts';
import { isContent } from '../payloads.ts';
import { FrameType } from '../record.ts';
import { errorName, flagNames, frameName } from '../vocabulary.ts';
import { hexOctets } from '../words.ts';
import { connectionName, errorCodeOf, leading, SectionIndex, shownValue } from './frames.ts';

const RECORD_SEPARATOR = '\u001e';

/** Trace events: a process per connection, a thread per stream, a span per part of its life, an instant per frame. */
export function exportChromeTrace(recording: Recording, rows: readonly number[]): string {
  const { frames, connections, streams, now } = recording;
  const events: unknown[] = [];
  for (const [pid, { facts }] of connections) {
    events.push({
      ph: 'M',
      name: 'process_name',
      pid,
      tid: 0,
      args: { name: `connection ${pid}: ${connectionName(facts)}` },
    });
  }
  for (const { facts, state } of streams.values()) {
    if (state === null || state.openedAt < 0) continue;
    const at = { pid: facts.connection, tid: facts.stream };
    const name = `${facts.method} ${facts.path}`.trim();
    events.push({ ph: 'M', name: 'thread_name', ...at, args: { name: `stream ${facts.stream}` } });
    const end = state.closedAt >= 0 ? state.closedAt : now;
    const args = {
      status: facts.status,
      pair: facts.pair,
      reset: facts.reset,
      blockedUs: {
        connectionWindow: state.blockedConnectionUs,
        streamWindow: state.blockedStreamUs,
        transport: state.blockedTransportUs,
        scheduler: state.blockedSchedulerUs,
      },
    };
    events.push({
      ph: 'X',
      name,
      cat: 'stream',
      ts: state.openedAt,
      dur: Math.max(0, end - state.openedAt),
      ...at,
      args,
    });
  }
  for (const row of rows) {
    const args = {
      length: frames.length[row],
      flags: flagNames(frames.type[row]!, frames.flags[row]!),
      connectionWindow: frames.connectionWindow[row],
      streamWindow: frames.streamWindow[row],
    };
    const name = `${frames.direction[row] === 1 ? 'send' : 'recv'} ${frameName(frames.type[row]!)}`;
    events.push({
      ph: 'i',
      s: 't',
      name,
      cat: 'frame',
      ts: frames.t[row],
      pid: frames.connection[row],
      tid: frames.stream[row],
      args,
    });
  }
  for (const event of recording.events) {
    if (event.kind !== 'verdict' || event.code === '') continue;
    const args = { text: event.text, bytes: event.bytes, upstream: event.upstream };
    events.push({
      ph: 'i',
      s: 't',
      name: event.code,
      cat: 'verdict',
      ts: event.t,
      pid: event.connection,
      tid: event.stream,
      args,
    });
  }
  return `${JSON.stringify({ displayTimeUnit: 'ms', traceEvents: events })}\n`;
}

/**
 * qlog in JSON text sequences. There is no schema for HTTP/2 over TCP, so the events are those of the HTTP/3 schema with
 * frames of HTTP/2: `http:frame_created` and `http:frame_parsed`.
 */
export function exportQlog(recording: Recording, rows: readonly number[]): string {
  const { frames } = recording;
  const sections = new SectionIndex(recording.sections);
  const records: unknown[] = [
    {
      file_schema: 'urn:ietf:params:qlog:file:sequential',
      serialization_format: 'application/qlog+json-seq',
      title: `glassway ${recording.hello.name}`,
      trace: {
        common_fields: {
          time_format: 'relative_to_epoch',
          reference_time: { clock_type: 'system', epoch: new Date(recording.hello.epochMs).toISOString() },
        },
        vantage_point: { name: 'glassway', type: 'network' },
        event_schemas: [],
      },
    },
  ];
  for (const row of rows) {
    const type = frames.type[row]!;
    const section = sections.ofRow(recording, row);
    const frame = {
      frame_type: frameName(type).toLowerCase(),
      flags: flagNames(type, frames.flags[row]!),
      ...(section === undefined
        ? {}
        : { headers: section.fields.map(field => ({ name: field.name, value: shownValue(field) })) }),
      ...(type === FrameType.WINDOW_UPDATE ? { window_size_increment: frames.aux[row] } : {}),
      ...(type === FrameType.RST_STREAM || type === FrameType.GOAWAY
        ? { error_code: errorName(errorCodeOf(recording, row)) }
        : {}),
    };
    records.push({
      time: frames.t[row]! / 1000,
      name: frames.direction[row] === 1 ? 'http:frame_created' : 'http:frame_parsed',
      group_id: String(frames.connection[row]),
      data: { stream_id: frames.stream[row], length: frames.length[row], frame, ...rawOf(recording, row) },
    });
  }
  return records.map(record => `${RECORD_SEPARATOR}${JSON.stringify(record)}\n`).join('');
}

/** qlog's `raw`: the octets from the first one on, as far as they were kept without a gap. */
function rawOf(recording: Recording, row: number): { raw?: unknown } {
  const { frames, payloads } = recording;
  const data = leading(payloads.of(frames.seq[row]!).filter(piece => isContent(piece.type)));
  if (data.length === 0) return {};
  return { raw: { payload_length: frames.length[row], data: hexOctets(data) } };
}
