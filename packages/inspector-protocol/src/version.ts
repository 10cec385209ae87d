/** Version of the wire format. A change that an older reader would misread raises it. */
export const PROTOCOL_VERSION = 2;

/** The WebSocket subprotocol both sides must name. */
export const SUBPROTOCOL: string = `glassway.inspector.v${PROTOCOL_VERSION}`;
