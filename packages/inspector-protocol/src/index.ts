export * from './anatomy.ts';
export * from './binary.ts';
export * from './empty-rows.ts';
export * from './events.ts';
export * from './events-message.ts';
export * from './export/index.ts';
export * from './fields.ts';
export * from './fields-message.ts';
export * from './filter/edit.ts';
export {
  FIELDS,
  FILTER_FIELDS,
  type FieldKind,
  type FieldSpec,
  type FilterField,
  type FilterOp,
  fieldHint,
} from './filter/fields.ts';
export * from './filter/match.ts';
export * from './filter/parse.ts';
export * from './frames.ts';
export * from './grpc.ts';
export * from './loaded-recording.ts';
export * from './logs.ts';
export * from './messages.ts';
export * from './parse.ts';
export * from './payloads.ts';
export * from './protobuf.ts';
export * from './record.ts';
export * from './recording.ts';
export * from './rows.ts';
export * from './save.ts';
export * from './subscription.ts';
export * from './utf8.ts';
export * from './verdict/engine.ts';
export * from './verdict/recorded.ts';
export * from './verdict/types.ts';
export * from './version.ts';
export * from './vocabulary.ts';
export * from './words.ts';
