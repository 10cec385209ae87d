/**
 * Every rule a peer can break, by a stable id: where the RFC states it, the error code it earns, and what happened in
 * words. Whether it ends the stream or the connection is said where it is checked. Violations, GOAWAY debug data, logs
 * and the documentation all name these ids.
 */
import { ErrorCode } from './errors.ts';

/** One rule. */
export interface Rule {
  /** RFC number and section, such as `9113 6.5.2`. */
  readonly rfc: string;
  readonly code: ErrorCode;
  /** What the peer did, as the end of a sentence. */
  readonly text: string;
}

/** Id: RFC section, name of the error code, what happened. */
const TABLE = {
  'preface.client': ['9113 3.4', 'PROTOCOL_ERROR', 'the connection does not begin with the HTTP/2 client preface'],
  'preface.http1': ['9113 3.4', 'PROTOCOL_ERROR', 'the peer speaks HTTP/1.x'],
  'preface.settings': ['9113 3.4', 'PROTOCOL_ERROR', 'the first frame is not SETTINGS'],
  'preface.timeout': ['9113 3.4', 'PROTOCOL_ERROR', 'no complete preface in time'],
  'frame.too-large': ['9113 4.2', 'FRAME_SIZE_ERROR', 'a frame is longer than SETTINGS_MAX_FRAME_SIZE allows'],
  'frame.length': ['9113 4.2', 'FRAME_SIZE_ERROR', 'a frame of this type cannot have this length'],
  'frame.padding': ['9113 6.1', 'PROTOCOL_ERROR', 'the padding is as long as the payload or longer'],
  'frame.stream-zero': ['9113 6', 'PROTOCOL_ERROR', 'a frame that belongs to a stream came on stream 0'],
  'frame.stream-nonzero': ['9113 6', 'PROTOCOL_ERROR', 'a frame that belongs to the connection came on a stream'],
  'frame.idle-stream': ['9113 5.1', 'PROTOCOL_ERROR', 'a frame came on an idle stream'],
  'frame.interleaved': ['9113 6.10', 'PROTOCOL_ERROR', 'a frame came in the middle of a field section'],
  'continuation.unexpected': ['9113 6.10', 'PROTOCOL_ERROR', 'CONTINUATION without a field section to continue'],
  'continuation.too-many': ['9113 10.5.1', 'ENHANCE_YOUR_CALM', 'too many CONTINUATION frames in one field section'],
  'continuation.timeout': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'a field section was begun and not finished in time'],
  'hpack.block': ['9113 4.3', 'COMPRESSION_ERROR', 'a field block does not decode'],
  'headers.too-large': ['9113 10.5.1', 'ENHANCE_YOUR_CALM', 'a field section is far larger than we accept'],
  'headers.list-size': [
    '9113 10.5.1',
    'ENHANCE_YOUR_CALM',
    'a field section is larger than SETTINGS_MAX_HEADER_LIST_SIZE',
  ],
  'headers.informational': [
    '9113 10.5.1',
    'ENHANCE_YOUR_CALM',
    'the informational responses to one request are larger together than a field section may be',
  ],
  'headers.memory': ['9113 8.7', 'REFUSED_STREAM', 'the open streams hold as many header octets as we keep'],
  'stream.id-parity': ['9113 5.1.1', 'PROTOCOL_ERROR', 'a stream has an identifier of the wrong side'],
  'stream.id-reused': ['9113 5.1.1', 'PROTOCOL_ERROR', 'a stream identifier is not above all earlier ones'],
  'stream.closed': ['9113 5.1', 'STREAM_CLOSED', 'a frame came on a closed stream'],
  'stream.half-closed': ['9113 5.1', 'STREAM_CLOSED', 'a frame came after END_STREAM'],
  'stream.state': ['9113 5.1', 'PROTOCOL_ERROR', 'a frame is not allowed in this state of the stream'],
  'stream.refused': ['9113 5.1.2', 'REFUSED_STREAM', 'more streams than SETTINGS_MAX_CONCURRENT_STREAMS allows'],
  'stream.going-away': ['9113 6.8', 'REFUSED_STREAM', 'the stream was opened after GOAWAY'],
  'priority.self': ['9113 5.3.1', 'PROTOCOL_ERROR', 'a stream depends on itself'],
  'priority.length': ['9113 6.3', 'FRAME_SIZE_ERROR', 'PRIORITY is not 5 octets long'],
  'priority-update.length': ['9218 7.1', 'FRAME_SIZE_ERROR', 'PRIORITY_UPDATE is shorter than 4 octets'],
  'priority-update.stream': [
    '9218 7.1',
    'PROTOCOL_ERROR',
    'PRIORITY_UPDATE for stream 0 or a push that was not promised, or from a server',
  ],
  'priority-update.limit': [
    '9218 7.1',
    'PROTOCOL_ERROR',
    'PRIORITY_UPDATE for more streams than SETTINGS_MAX_CONCURRENT_STREAMS allows',
  ],
  'rst.length': ['9113 6.4', 'FRAME_SIZE_ERROR', 'RST_STREAM is not 4 octets long'],
  'settings.length': ['9113 6.5', 'FRAME_SIZE_ERROR', 'the length of SETTINGS is not a multiple of 6'],
  'settings.ack-length': ['9113 6.5', 'FRAME_SIZE_ERROR', 'an acknowledgement of SETTINGS has a payload'],
  'settings.ack-unexpected': ['9113 6.5.3', 'PROTOCOL_ERROR', 'SETTINGS were acknowledged that were not sent'],
  'settings.too-many': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'too many entries in one SETTINGS frame'],
  'settings.timeout': ['9113 6.5.3', 'SETTINGS_TIMEOUT', 'our SETTINGS were not acknowledged in time'],
  'settings.enable-push': ['9113 6.5.2', 'PROTOCOL_ERROR', 'ENABLE_PUSH is neither 0 nor 1'],
  'settings.enable-push-server': ['9113 6.5.2', 'PROTOCOL_ERROR', 'a server sent ENABLE_PUSH 1'],
  'settings.initial-window-size': ['9113 6.5.2', 'FLOW_CONTROL_ERROR', 'INITIAL_WINDOW_SIZE is above 2^31-1'],
  'settings.window-overflow': [
    '9113 6.9.2',
    'FLOW_CONTROL_ERROR',
    'INITIAL_WINDOW_SIZE makes a stream window overflow',
  ],
  'settings.frame-size': ['9113 6.5.2', 'PROTOCOL_ERROR', 'MAX_FRAME_SIZE is not within 2^14 and 2^24-1'],
  'settings.connect-protocol': ['8441 3', 'PROTOCOL_ERROR', 'ENABLE_CONNECT_PROTOCOL is neither 0 nor 1'],
  'settings.connect-protocol-revoked': ['8441 3', 'PROTOCOL_ERROR', 'ENABLE_CONNECT_PROTOCOL went from 1 to 0'],
  'settings.no-rfc7540': ['9218 2.1', 'PROTOCOL_ERROR', 'NO_RFC7540_PRIORITIES is neither 0 nor 1'],
  'settings.no-rfc7540-changed': [
    '9218 2.1',
    'PROTOCOL_ERROR',
    'NO_RFC7540_PRIORITIES changed after the first SETTINGS',
  ],
  'push.disabled': ['9113 8.4', 'PROTOCOL_ERROR', 'PUSH_PROMISE although push is disabled'],
  'push.from-client': ['9113 8.4', 'PROTOCOL_ERROR', 'a client sent PUSH_PROMISE'],
  'push.parent': ['9113 6.6', 'PROTOCOL_ERROR', 'PUSH_PROMISE on a stream that cannot carry it'],
  'push.id': ['9113 5.1.1', 'PROTOCOL_ERROR', 'the promised stream has an illegal identifier'],
  'push.request': [
    '9113 8.4',
    'PROTOCOL_ERROR',
    'the promised request is malformed, unsafe, not cacheable or has a body',
  ],
  'push.too-many': ['9113 8.4', 'REFUSED_STREAM', 'too many promised streams are open'],
  'ping.length': ['9113 6.7', 'FRAME_SIZE_ERROR', 'PING is not 8 octets long'],
  'goaway.length': ['9113 6.8', 'FRAME_SIZE_ERROR', 'GOAWAY is shorter than 8 octets'],
  'goaway.last-id-increased': ['9113 6.8', 'PROTOCOL_ERROR', 'a later GOAWAY names a higher last stream'],
  'window.length': ['9113 6.9', 'FRAME_SIZE_ERROR', 'WINDOW_UPDATE is not 4 octets long'],
  'window.zero': ['9113 6.9', 'PROTOCOL_ERROR', 'WINDOW_UPDATE with increment 0'],
  'window.overflow': ['9113 6.9.1', 'FLOW_CONTROL_ERROR', 'WINDOW_UPDATE makes a window overflow'],
  'window.exceeded': ['9113 6.9.1', 'FLOW_CONTROL_ERROR', 'DATA exceeds the flow-control window'],
  'field.name': [
    '9113 8.2.1',
    'PROTOCOL_ERROR',
    'a field name is empty, has upper case or a character that is not allowed',
  ],
  'field.value': [
    '9113 8.2.1',
    'PROTOCOL_ERROR',
    'a field value has a character that is not allowed, or white space at an end',
  ],
  'field.connection-specific': ['9113 8.2.2', 'PROTOCOL_ERROR', 'a connection-specific field'],
  'field.te': ['9113 8.2.2', 'PROTOCOL_ERROR', 'TE is not `trailers`'],
  'pseudo.value': ['9113 8.3.1', 'PROTOCOL_ERROR', 'a pseudo-field has a value that is not allowed'],
  'pseudo.unknown': [
    '9113 8.3',
    'PROTOCOL_ERROR',
    'an unknown pseudo-field, or one that does not belong in this message',
  ],
  'pseudo.late': ['9113 8.3', 'PROTOCOL_ERROR', 'a pseudo-field after a regular field'],
  'pseudo.duplicate': ['9113 8.3', 'PROTOCOL_ERROR', 'a pseudo-field twice'],
  'pseudo.missing': ['9113 8.3.1', 'PROTOCOL_ERROR', 'a required pseudo-field is missing'],
  'pseudo.trailers': ['9113 8.1', 'PROTOCOL_ERROR', 'a pseudo-field in trailers'],
  'connect.fields': ['9113 8.5', 'PROTOCOL_ERROR', 'CONNECT with :scheme or :path, or without :authority'],
  'connect.trailers': ['9113 8.5', 'PROTOCOL_ERROR', 'a field section on a stream that is a tunnel'],
  'connect.protocol': ['8441 4', 'PROTOCOL_ERROR', ':protocol without CONNECT, or extended CONNECT without our offer'],
  'host.mismatch': ['9113 8.3.1', 'PROTOCOL_ERROR', 'Host and :authority differ, or there are several Host fields'],
  'content-length.value': ['9110 8.6', 'PROTOCOL_ERROR', 'content-length is not a number or stands twice'],
  'content-length.mismatch': ['9113 8.1.1', 'PROTOCOL_ERROR', 'content-length differs from the length of the body'],
  'trailers.end-stream': ['9113 8.1', 'PROTOCOL_ERROR', 'trailers without END_STREAM'],
  'status.informational-end': ['9113 8.1', 'PROTOCOL_ERROR', 'a 1xx response with END_STREAM'],
  'status.switching': ['9113 8.6', 'PROTOCOL_ERROR', 'status 101 does not exist in HTTP/2'],
  'data.before-headers': ['9113 8.1', 'PROTOCOL_ERROR', 'DATA before the final response'],
  'data.head': ['9110 9.3.2', 'PROTOCOL_ERROR', 'DATA in a response that cannot have a body'],
  'flood.resets': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'most requests are reset before their response begins'],
  'flood.stream-errors': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'too many streams had to be reset for what the peer did'],
  'accept.resets': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'too many requests are reset while they wait to be accepted'],
  'flood.oddities': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'too many frames that are legal but useless'],
  'flood.empty-data': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'too many DATA frames without octets'],
  'flood.small-data': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'too many small DATA frames that wait to be read'],
  'flood.settings': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'SETTINGS change too often'],
  'write.stalled': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'the peer hardly takes what it asked for'],
  'flood.replies': ['9113 10.5', 'ENHANCE_YOUR_CALM', 'the peer asks for replies and does not read them'],
  'keepalive.timeout': ['9113 6.7', 'NO_ERROR', 'the peer did not answer a PING in time'],
  'idle.timeout': ['9113 9.1', 'NO_ERROR', 'no streams for too long'],
  'transport.closed': ['9113 9.1', 'INTERNAL_ERROR', 'the transport closed with streams open'],
} as const;

/** A rule's id. */
export type RuleId = keyof typeof TABLE;

/** All rules by id. */
export const RULES: Readonly<Record<RuleId, Rule>> = Object.fromEntries(
  Object.entries(TABLE).map(([id, [rfc, code, text]]) => [id, { rfc, code: ErrorCode[code], text }]),
) as Record<RuleId, Rule>;

/** Ends the connection from inside the parse loop; caught once in `receive`. Never leaves the core. */
export class ConnectionError extends Error {
  readonly rule: RuleId;
  readonly streamId: number;
  readonly frameType: number;
  readonly code: number;

  constructor(rule: RuleId, streamId: number, frameType: number, detail = '', code: number = RULES[rule].code) {
    super(detail === '' ? RULES[rule].text : `${RULES[rule].text}: ${detail}`);
    this.rule = rule;
    this.streamId = streamId;
    this.frameType = frameType;
    this.code = code;
  }
}
