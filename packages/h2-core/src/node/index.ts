/// <reference types="node" preserve="true" />
/**
 * The core on Node sockets: `attach(socket, connection)` moves octets and time; nothing else here.
 *
 * @module
 */
export { attach, now, Pump } from './pump.ts';
