import { defaultIndexing, type Encoder, STATIC_TABLE } from '@glassway/hpack';
import type { Core } from '../core.ts';
import { paddingOf } from '../flow/padding.ts';
import { putFrameHeader, putUint32, uint31 } from '../frame/bytes.ts';
import { Flag, FRAME_HEADER_SIZE, FrameType } from '../frame/types.ts';
import type { FieldList, RequestHead } from '../handler.ts';
import type { StreamRecord } from '../stream/stream.ts';
import { Direction, SectionKind } from '../tap.ts';
import { crumbsOf } from './cookie-crumbs.ts';
import { type EncodedHead, HeadMemo } from './head-memo.ts';
import { completeOrder, type PseudoField } from './pseudo-order.ts';

/** `:status` values as strings, made once. */
const STATUS_TEXT: readonly string[] = Array.from({ length: 1000 }, (_, status) => String(status));

/** The one octet of a `:status` that stands whole in the static table, 0 for others. RFC 7541 6.1, Appendix A. */
const STATUS_OCTET: Uint8Array = new Uint8Array(1000);
STATIC_TABLE.forEach(({ name, value }, at) => {
  if (name === ':status') STATUS_OCTET[Number(value)] = 0x80 | at;
});

/** What a request says in one of its pseudo-fields; empty: it has none. */
function pseudoValue(head: RequestHead, name: PseudoField): string {
  switch (name) {
    case ':method':
      return head.method;
    case ':scheme':
      return head.scheme;
    case ':authority':
      return head.authority;
    case ':path':
      return head.path;
    case ':protocol':
      return head.protocol;
  }
}

/** Writes field sections: HEADERS or PUSH_PROMISE, with CONTINUATION where the peer's frame size asks for it. */
export class HeadWriter {
  private readonly core: Core;
  private readonly encoder: Encoder;
  /** Null where somebody watches each field line, or has a policy of their own for them: none may be left out then. */
  private readonly memo: HeadMemo | null;
  /** Frames in the outbox before the section that is being written. */
  private framesBefore = 0;

  constructor(core: Core) {
    this.core = core;
    this.encoder = core.encoder;
    this.memo = core.tap === null && core.options.indexing === 'default' ? new HeadMemo() : null;
  }

  /** A response head that was written before with these fields, which are known to be good then. */
  recall(status: number, fields: FieldList): EncodedHead | null {
    return this.memo === null ? null : this.memo.find(status, fields);
  }

  /** The connection is over: what was remembered is let go. */
  free(): void {
    if (this.memo !== null) this.memo.clear();
  }

  /** A request's HEADERS. Pseudo-fields come first (RFC 9113 8.3). */
  request(stream: StreamRecord, head: RequestHead, endStream: boolean): void {
    const at = this.begin(FrameType.HEADERS, endStream ? Flag.END_STREAM : 0, stream.id, 0);
    try {
      this.requestFields(head);
      this.end(at, SectionKind.REQUEST, stream);
    } catch (error) {
      this.fail(at, error);
    }
  }

  /** A PUSH_PROMISE on `parent`. RFC 9113 6.6. */
  promise(parent: StreamRecord, promisedId: number, head: RequestHead): void {
    const at = this.begin(FrameType.PUSH_PROMISE, 0, parent.id, promisedId);
    try {
      this.requestFields(head);
      this.end(at, SectionKind.PUSH, parent);
    } catch (error) {
      this.fail(at, error);
    }
  }

  /** A final response's HEADERS; `known` is what `recall` says of it, `length` its content-length. RFC 9113 8.3.2. */
  final(
    stream: StreamRecord,
    status: number,
    fields: FieldList,
    length: number,
    known: EncodedHead | null,
    endStream: boolean,
  ): void {
    const { memo, encoder } = this;
    const at = this.begin(FrameType.HEADERS, endStream ? Flag.END_STREAM : 0, stream.id, 0);
    const { octets } = this.core.outbox;
    const { revision } = encoder;
    try {
      if (memo !== null && known !== null && known.revision === revision) {
        memo.repeat(known, octets);
      } else {
        const from = octets.length;
        this.status(status);
        this.fields(fields, null);
        if (memo !== null && encoder.revision === revision) memo.keep(status, fields, length, octets, from, revision);
      }
      this.end(at, SectionKind.RESPONSE, stream);
    } catch (error) {
      this.fail(at, error);
    }
  }

  /** A response's HEADERS, informational, or final with `sensitive` fields. RFC 9113 8.3.2. */
  response(
    stream: StreamRecord,
    status: number,
    fields: FieldList,
    sensitive: readonly number[] | null,
    endStream: boolean,
  ): void {
    const at = this.begin(FrameType.HEADERS, endStream ? Flag.END_STREAM : 0, stream.id, 0);
    try {
      this.status(status);
      this.fields(fields, sensitive);
      this.end(at, status < 200 ? SectionKind.INFORMATIONAL : SectionKind.RESPONSE, stream);
    } catch (error) {
      this.fail(at, error);
    }
  }

  /** Trailers: HEADERS with END_STREAM. RFC 9113 8.1. */
  trailers(stream: StreamRecord, fields: FieldList, sensitive: readonly number[] | null): void {
    const at = this.begin(FrameType.HEADERS, Flag.END_STREAM, stream.id, 0);
    try {
      this.fields(fields, sensitive);
      this.end(at, SectionKind.TRAILERS, stream);
    } catch (error) {
      this.fail(at, error);
    }
  }

  /** Most responses need no look at any table, where none is wanted (see `memo`). */
  private status(status: number): void {
    const octet = this.memo === null ? 0 : (STATUS_OCTET[status] as number);
    const { octets } = this.core.outbox;
    if (octet === 0) this.encoder.field(octets, ':status', STATUS_TEXT[status] as string, false);
    else octets.put(octet);
  }

  private requestFields(head: RequestHead): void {
    const { options } = this.core;
    const { pseudoOrder } = head;
    for (const name of pseudoOrder === undefined ? options.pseudoOrder : completeOrder(pseudoOrder)) {
      const value = pseudoValue(head, name);
      if (value !== '') this.encoder.field(this.core.outbox.octets, name, value, false);
    }
    if (options.splitCookies && this.encoder.maxTableSize !== 0) this.fieldsInCrumbs(head);
    else this.fields(head.fields, head.sensitive);
  }

  /** A request's fields, its cookie in crumbs where that helps. RFC 9113 8.2.3. */
  private fieldsInCrumbs({ fields, sensitive }: RequestHead): void {
    const { encoder, core } = this;
    const { octets } = core.outbox;
    const indexing = core.options.indexing === 'default' ? defaultIndexing : core.options.indexing;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] as string;
      const value = fields[i + 1] as string;
      const secret = sensitive?.includes(i) ?? false;
      const crumbs = name === 'cookie' && !secret ? crumbsOf(value, indexing) : null;
      if (crumbs === null) encoder.field(octets, name, value, secret);
      else for (const crumb of crumbs) encoder.field(octets, name, crumb, false);
    }
  }

  private fields(fields: FieldList, sensitive: readonly number[] | null): void {
    const { encoder } = this;
    const { octets } = this.core.outbox;
    for (let i = 0; i < fields.length; i += 2) {
      const secret = sensitive?.includes(i) ?? false;
      encoder.field(octets, fields[i] as string, fields[i + 1] as string, secret);
    }
  }

  /** Leaves room for the frame header; returns where it goes. */
  private begin(type: number, flags: number, streamId: number, promisedId: number): number {
    const { core } = this;
    if (core.tap !== null) core.tap.onFieldSectionStart(Direction.OUT, streamId);
    this.framesBefore = core.outbox.frames;
    const at = core.outbox.header(0, type, flags, streamId);
    if (type === FrameType.PUSH_PROMISE) {
      core.outbox.reserve(4);
      const { octets } = core.outbox;
      putUint32(octets.buffer, octets.length, promisedId);
      octets.length += 4;
    }
    this.encoder.begin(core.outbox.octets);
    return at;
  }

  /** Sets the length and END_HEADERS of the frame begun at `at`, splitting what is too long for one frame. */
  private end(at: number, kind: SectionKind, stream: StreamRecord): void {
    const { core } = this;
    const { octets } = core.outbox;
    const length = octets.length - at - FRAME_HEADER_SIZE;
    const limit = core.sender.maxFrameSize;
    const { buffer } = octets;
    const type = buffer[at + 3] as number;
    const flags = buffer[at + 4] as number;
    const promised = type === FrameType.PUSH_PROMISE ? 4 : 0;
    if (core.tap !== null) core.tap.onFieldSectionEnd(Direction.OUT, stream.id, kind, length - promised);
    const aux = this.aux(at, promised);
    if (length <= limit) {
      const padding = core.padder === null ? 0 : paddingOf(core.padder, length, limit, type);
      if (padding !== 0) this.pad(at, padding);
      const allFlags = flags | Flag.END_HEADERS | (padding === 0 ? 0 : Flag.PADDED);
      putFrameHeader(octets.buffer, at, length + padding, type, allFlags, stream.id);
      if (core.tap !== null) core.tellFrame(type, allFlags, stream.id, length + padding, aux);
      return;
    }
    const block = buffer.slice(at + FRAME_HEADER_SIZE, octets.length);
    octets.length = at;
    for (let from = 0; from < block.length; from += limit) {
      const size = Math.min(limit, block.length - from);
      const first = from === 0;
      const last = from + size === block.length;
      const pieceFlags = (first ? flags : 0) | (last ? Flag.END_HEADERS : 0);
      const pieceType = first ? type : FrameType.CONTINUATION;
      core.outbox.reserve(FRAME_HEADER_SIZE + size);
      if (!first) core.outbox.frames++;
      putFrameHeader(octets.buffer, octets.length, size, pieceType, pieceFlags, stream.id);
      octets.buffer.set(block.subarray(from, from + size), octets.length + FRAME_HEADER_SIZE);
      octets.length += FRAME_HEADER_SIZE + size;
      if (core.tap !== null) core.tellFrame(pieceType, pieceFlags, stream.id, size, first ? aux : 0);
    }
  }

  /**
   * A function of the program's (`padding`, `indexing`, the tap) threw in the midst of a section. What is written of it is
   * taken back; the encoder's table cannot be, and no section after this one could be read: the connection ends.
   */
  private fail(at: number, error: unknown): never {
    const { core } = this;
    core.outbox.takeBack(at, this.framesBefore);
    core.failInside();
    throw error;
  }

  /** Puts the pad length before the payload of the frame begun at `at`, and the padding behind it. RFC 9113 6.2. */
  private pad(at: number, padding: number): void {
    const { outbox } = this.core;
    outbox.reserve(padding);
    const { octets } = outbox;
    const from = at + FRAME_HEADER_SIZE;
    octets.buffer.copyWithin(from + 1, from, octets.length);
    octets.buffer[from] = padding - 1;
    octets.length++;
    outbox.padding(padding);
  }

  private aux(at: number, promised: number): number {
    const { buffer } = this.core.outbox.octets;
    return promised === 0 ? 0 : uint31(buffer, at + FRAME_HEADER_SIZE);
  }
}
