/** Whole FIELDS and EVENTS messages, for those who do not make them bit by bit. */
import { BinaryKind, readBinaryHeader } from './binary.ts';
import { EventsEncoder, readEvents } from './events-message.ts';
import { FieldsEncoder, readFields } from './fields-message.ts';
import type { Events, Fields } from './messages.ts';

/** The octets of a FIELDS or EVENTS message. */
export function encodeLog(message: Fields | Events): Uint8Array<ArrayBuffer> {
  if (message.type === 'fields') {
    const encoder = new FieldsEncoder();
    for (const section of message.sections) encoder.add(section);
    return encoder.finish(message.from, message.to);
  }
  const encoder = new EventsEncoder();
  for (const event of message.events) encoder.add(event);
  return encoder.finish(message.from, message.to);
}

/** Reads a FIELDS or EVENTS message. Throws `Error` when it is not a whole one of this version. */
export function parseLog(buffer: ArrayBuffer): Fields | Events {
  return readBinaryHeader(buffer).kind === BinaryKind.FIELDS ? readFields(buffer) : readEvents(buffer);
}
