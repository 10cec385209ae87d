/// <reference types="node" preserve="true" />
/**
 * The gateway as a library: what the `glassway` command is made of.
 *
 *     clients -> listener -> exchange -> upstream -> backends
 *                    \__________ trace __________/  -> inspector
 *
 * @module
 */
export type { BindAddress, ListenAddress, UnixAddress } from './config/address.ts';
export { DEFAULT_POOL, type PoolSettings, poolOf } from './config/pool-settings.ts';
export type { FieldChanges, FixedResponseSettings, RedirectSettings, RouteSettings } from './config/route-settings.ts';
export { settingsSchema } from './config/schema.ts';
export { DEFAULT_SETTINGS, type Settings, UsageProblem } from './config/settings.ts';
export { REASON_CODES, REASONS, type Reason, type ReasonCode, type ReasonKind } from './exchange/reason.ts';
export { type Gateway, type GatewayOptions, startGateway } from './gateway.ts';
export type { CutConnection, DrainReport } from './listener/listeners.ts';
export { LOG_LEVELS, Logger, type LogLevel } from './log.ts';
export type { AccessFormat } from './log-access.ts';
export type { ProbeResult } from './upstream/backend.ts';
