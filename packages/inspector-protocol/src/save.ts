/** A recording out of what a page holds, for which no messages were kept. */
import { FRAMES_HEADER_BYTES, writeFramesHeader } from './frames.ts';
import type { Recording } from './loaded-recording.ts';
import { encodeLog } from './logs.ts';
import type { TextMessage } from './messages.ts';
import { concat } from './octets.ts';
import { encodeMessage } from './parse.ts';
import { writePayloads } from './payloads.ts';
import { connectionWord, INJECTED_BIT, RECORD_BYTES, RecordWriter } from './record.ts';
import { RecordingWriter } from './recording.ts';
import { utf8 } from './utf8.ts';

/** Records of one batch: 32 KB. */
const BATCH_RECORDS = 800;

/** Pieces of octets in one message. */
const BATCH_PIECES = 200;

/** The octets of a `.glassway` file that `loadRecording` makes the same of; what was kept of bodies only with `content`. */
export function saveRecording(recording: Recording, content = false): Uint8Array<ArrayBuffer> {
  const writer = new RecordingWriter();
  const parts: Uint8Array[] = [writer.begin()];
  const tell = (message: TextMessage): void => void parts.push(writer.text(utf8(encodeMessage(message))));
  const { frames, count, sections, events, now } = recording;
  const first = count === 0 ? 0 : frames.seq[0]!;
  const pieces = (content ? recording.payloads : recording.payloads.withoutContent()).all();
  const after = count === 0 ? 0 : frames.seq[count - 1]! + 1;
  tell({ ...recording.hello, now });
  tell({
    type: 'snapshot',
    id: 1,
    now,
    from: { frames: first, fields: 0, events: 0, payloads: 0 },
    head: { frames: after, fields: sections.length, events: events.length, payloads: pieces.length },
    before: [],
    rows: {
      backends: [...recording.backends.values()],
      connections: [...recording.connections.values()].map(({ facts }) => facts),
      connectionStates: [...recording.connections.values()].flatMap(({ state }) => (state === null ? [] : [state])),
      streams: [...recording.streams.values()].map(({ facts }) => facts),
      streamStates: [...recording.streams.values()].flatMap(({ state }) => (state === null ? [] : [state])),
      forgottenConnections: [],
      forgottenStreams: [],
    },
  });
  if (sections.length > 0)
    parts.push(writer.log(encodeLog({ type: 'fields', from: 0, to: sections.length, sections })));
  if (events.length > 0) parts.push(writer.log(encodeLog({ type: 'events', from: 0, to: events.length, events })));
  for (let row = 0; row < count; row += BATCH_RECORDS) {
    parts.push(writer.frames(batch(recording, row, Math.min(count, row + BATCH_RECORDS))));
  }
  for (let from = 0; from < pieces.length; from += BATCH_PIECES) {
    const to = Math.min(pieces.length, from + BATCH_PIECES);
    parts.push(writer.payloads(writePayloads({ from, to, pieces: pieces.slice(from, to) })));
  }
  parts.push(writer.end());
  return concat(parts);
}

function batch({ frames }: Recording, from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(FRAMES_HEADER_BYTES + (to - from) * RECORD_BYTES);
  const records = new RecordWriter(bytes.buffer, FRAMES_HEADER_BYTES, to - from);
  for (let row = from; row < to; row++) {
    const word = connectionWord(frames.connection[row]!, frames.leg[row]!, frames.direction[row]!);
    records.write(
      row - from,
      frames.t[row]!,
      frames.seq[row]! >>> 0,
      word,
      frames.injected[row] === 1 ? frames.stream[row]! + INJECTED_BIT : frames.stream[row]!,
      frames.length[row]!,
      frames.type[row]!,
      frames.flags[row]!,
      frames.mark[row]!,
      frames.ref[row]!,
      frames.connectionWindow[row]!,
      frames.streamWindow[row]!,
      frames.aux[row]!,
    );
  }
  writeFramesHeader(bytes, to - from, frames.seq[from]!, frames.seq[to - 1]! + 1);
  return bytes;
}
