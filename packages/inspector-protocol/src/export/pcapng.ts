/**
 * pcapng with made-up TCP, so that packet analysers show the frames. Field sections are written anew as literals (RFC 7541
 * 6.2.2) from what was kept, for the tables of what was not kept are missing; DATA holds what was kept of it, and zeros.
 * Lengths of DATA are true.
 */
import type { FieldSection } from '../fields.ts';
import type { Recording } from '../loaded-recording.ts';
import { concat } from '../octets.ts';
import { FrameType } from '../record.ts';
import { utf8 } from '../utf8.ts';
import { errorCodeOf, SectionIndex, shownValue } from './frames.ts';
import { settingsAt } from './text.ts';

const LINKTYPE_RAW = 101;
const SNAP = 0x4_0000;
const SYN = 0x02;
const ACK = 0x10;
const PSH = 0x08;
/** A packet carries this much TCP payload at most; a frame may take several. */
const MAX_SEGMENT = 32_000;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** The well-known port of cleartext HTTP, at which analysers look for HTTP/2 by themselves. */
const GATEWAY_PORT = 80;

/** A pcapng file of these rows. Ports of the gateway's side are told as 80, where analysers expect cleartext HTTP/2. */
export function exportPcapng(recording: Recording, rows: readonly number[]): Uint8Array {
  const out: Uint8Array[] = [sectionHeader(), interfaceDescription()];
  const sections = new SectionIndex(recording.sections);
  const flows = new Map<number, Flow>();
  for (const row of rows) {
    const id = recording.frames.connection[row]!;
    const t = recording.hello.epochMs * 1000 + Math.floor(recording.frames.t[row]!);
    let flow = flows.get(id);
    if (flow === undefined) {
      flow = new Flow(id, recording.frames.leg[row] === 0);
      flows.set(id, flow);
      out.push(...flow.open(t));
    }
    const fromClient = (recording.frames.leg[row] === 0) === (recording.frames.direction[row] === 0);
    out.push(...flow.send(t, fromClient, frameOctets(recording, sections, row)));
  }
  return concat(out);
}

/** One TCP connection: 10.0.x.y towards 10.1.x.y, port 80. */
class Flow {
  readonly #client: Uint8Array;
  readonly #server: Uint8Array;
  readonly #port: number;
  #clientSeq = 1;
  #serverSeq = 1;

  constructor(id: number, clientLeg: boolean) {
    this.#client = Uint8Array.of(10, clientLeg ? 0 : 2, (id >> 8) & 255, id & 255);
    this.#server = Uint8Array.of(10, clientLeg ? 1 : 3, 0, 1);
    this.#port = 10_000 + (id % 50_000);
  }

  /** The handshake and the client's preface. */
  open(t: number): Uint8Array[] {
    return [
      packet(t, this.#segment(true, SYN, new Uint8Array(0), 0, 0)),
      packet(t, this.#segment(false, SYN | ACK, new Uint8Array(0), 0, 1)),
      packet(t, this.#segment(true, ACK, new Uint8Array(0), 1, 1)),
      ...this.send(t, true, utf8(PREFACE)),
    ];
  }

  /** Octets in one direction, cut into segments. */
  send(t: number, fromClient: boolean, octets: Uint8Array): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let at = 0; at < octets.length; at += MAX_SEGMENT) {
      const payload = octets.subarray(at, at + MAX_SEGMENT);
      const [seq, ack] = fromClient ? [this.#clientSeq, this.#serverSeq] : [this.#serverSeq, this.#clientSeq];
      packets.push(packet(t, this.#segment(fromClient, PSH | ACK, payload, seq, ack)));
      if (fromClient) this.#clientSeq = (this.#clientSeq + payload.length) >>> 0;
      else this.#serverSeq = (this.#serverSeq + payload.length) >>> 0;
    }
    return packets;
  }

  #segment(fromClient: boolean, flags: number, payload: Uint8Array, seq: number, ack: number): Uint8Array {
    const bytes = new Uint8Array(40 + payload.length);
    const view = new DataView(bytes.buffer);
    bytes[0] = 0x45;
    view.setUint16(2, bytes.length);
    bytes[6] = 0x40;
    bytes[8] = 64;
    bytes[9] = 6;
    bytes.set(fromClient ? this.#client : this.#server, 12);
    bytes.set(fromClient ? this.#server : this.#client, 16);
    view.setUint16(10, checksum(bytes.subarray(0, 20)));
    view.setUint16(20, fromClient ? this.#port : GATEWAY_PORT);
    view.setUint16(22, fromClient ? GATEWAY_PORT : this.#port);
    view.setUint32(24, seq);
    view.setUint32(28, ack);
    bytes[32] = 0x50;
    bytes[33] = flags;
    view.setUint16(34, 0xffff);
    bytes.set(payload, 40);
    return bytes;
  }
}

/** A frame with its header; the payload as far as it is known. */
function frameOctets(recording: Recording, sections: SectionIndex, row: number): Uint8Array {
  const { frames } = recording;
  const type = frames.type[row]!;
  let flags = frames.flags[row]!;
  let payload = new Uint8Array(frames.length[row]!);
  const aux = frames.aux[row]!;
  if (type === FrameType.HEADERS) {
    payload = literals(sections.ofRow(recording, row)) as Uint8Array<ArrayBuffer>;
    // Padding and priority are not kept, and the whole section is here.
    flags = (flags & 0x1) | 0x4;
  } else if (type === FrameType.CONTINUATION) {
    payload = new Uint8Array(0);
  } else if (type === FrameType.DATA) {
    flags &= 0x1;
    fill(payload, recording, row);
  } else if (type === FrameType.WINDOW_UPDATE || type === FrameType.RST_STREAM) {
    payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, aux);
  } else if (type === FrameType.GOAWAY) {
    payload = new Uint8Array(8);
    new DataView(payload.buffer).setUint32(4, errorCodeOf(recording, row));
  } else if (type === FrameType.SETTINGS && (flags & 1) === 0) {
    const pairs = settingsAt(recording, row);
    payload = new Uint8Array(pairs.length * 6);
    const view = new DataView(payload.buffer);
    pairs.forEach(([id, value], at) => {
      view.setUint16(at * 6, id);
      view.setUint32(at * 6 + 2, value);
    });
  } else {
    fill(payload, recording, row);
  }
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8);
  bytes[3] = type;
  bytes[4] = flags;
  view.setUint32(5, frames.stream[row]!);
  bytes.set(payload, 9);
  // A CONTINUATION without its HEADERS would be a violation, and its fields were shown there.
  return type === FrameType.CONTINUATION ? new Uint8Array(0) : bytes;
}

/** Puts what was kept of a frame where it was. */
function fill(payload: Uint8Array, { frames, payloads }: Recording, row: number): void {
  for (const { offset, octets } of payloads.of(frames.seq[row]!)) {
    if (offset + octets.length <= payload.length) payload.set(octets, offset);
  }
}

function literals(section: FieldSection | undefined): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const field of section?.fields ?? []) {
    parts.push(Uint8Array.of(0), text(field.name.toLowerCase()), text(shownValue(field)));
  }
  return concat(parts);
}

/** RFC 7541 5.2 without Huffman coding. */
function text(value: string): Uint8Array {
  const octets = utf8(value);
  const length = [Math.min(octets.length, 127)];
  for (let rest = octets.length - 127; rest >= 0; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) | 128);
    if (rest < 128) break;
  }
  return concat([Uint8Array.from(length), octets]);
}

function sectionHeader(): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint32(0, 0x1a2b3c4d, true);
  view.setUint16(4, 1, true);
  view.setInt32(8, -1, true);
  view.setInt32(12, -1, true);
  return block(0x0a0d0d0a, body);
}

function interfaceDescription(): Uint8Array {
  const body = new Uint8Array(8);
  const view = new DataView(body.buffer);
  view.setUint16(0, LINKTYPE_RAW, true);
  view.setUint32(4, SNAP, true);
  return block(1, body);
}

/** `t`: microseconds since 1970, the unit that pcapng assumes. */
function packet(t: number, bytes: Uint8Array): Uint8Array {
  const body = new Uint8Array(20 + ((bytes.length + 3) & ~3));
  const view = new DataView(body.buffer);
  view.setUint32(4, Math.floor(t / 2 ** 32), true);
  view.setUint32(8, t >>> 0, true);
  view.setUint32(12, bytes.length, true);
  view.setUint32(16, bytes.length, true);
  body.set(bytes, 20);
  return block(6, body);
}

function block(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, bytes.length, true);
  bytes.set(body, 8);
  view.setUint32(8 + body.length, bytes.length, true);
  return bytes;
}

/** RFC 1071. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += (header[at]! << 8) | header[at + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
