/**
 * HTTP/2 (RFC 9113) without I/O. `Connection` takes and gives octets and calls a handler; `./node` drives it over a
 * socket, `./server` and `./client` put an async API on top.
 *
 *     octets -> FrameReader -> Inbound (states, windows, messages) -> Handler
 *     commands -> Outbound -> Outbox + Sender (windows, scheduler) -> octets
 *
 * @module
 */
export { Connection, type ConnectionOptions } from './connection.ts';
export type { Counters } from './counters.ts';
export {
  ErrorCode,
  type ErrorScope,
  errorCodeName,
  H2Error,
  type H2ErrorInit,
  type Initiator,
  OptionError,
  UsageError,
} from './errors.ts';
export { type BdpEstimate, bdpSample, bdpStart } from './flow/bdp.ts';
export type { PaddingStrategy } from './flow/padding.ts';
export { lasting } from './frame/bytes.ts';
export type { AltSvc } from './frame/extension-frames.ts';
export {
  DEFAULT_WINDOW,
  Flag,
  FRAME_HEADER_SIZE,
  FrameType,
  frameTypeName,
  MAX_MAX_FRAME_SIZE,
  MAX_STREAM_ID,
  MAX_WINDOW,
  MIN_MAX_FRAME_SIZE,
  PREFACE,
} from './frame/types.ts';
export { ODDITIES, type OddityId } from './guard/oddities.ts';
export type { FieldList, FieldRule, FieldVerdict, Handler, RequestHead, ResponseHead } from './handler.ts';
export type { PseudoField } from './message/pseudo-order.ts';
export type { EarlyFrame } from './opening/early-frames.ts';
export { type Fingerprint, fingerprintOf, type LegacyPriority } from './opening/fingerprint.ts';
export type { CoreOptions, ResolvedOptions } from './options/options.ts';
export { resolveOptions } from './options/resolve-options.ts';
export { RULES, type Rule, type RuleId } from './rules.ts';
export { SettingId, Settings, settingName } from './settings/settings.ts';
export { type Stream, StreamState } from './stream/stream.ts';
export { Direction, SectionKind, SettingsEvent, type Tap } from './tap.ts';
