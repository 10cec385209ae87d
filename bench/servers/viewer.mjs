/**
 * A viewer of the inspector, subscribed to everything, in a process of its own. URL: the inspector's, with its token.
 * STUCK: it stops reading after the snapshot, as a stopped browser tab does.
 */
import { logNameOf, readBinaryHeader, SUBPROTOCOL } from '@glassway/inspector-protocol';
import WebSocket from 'ws';

const url = new URL(process.env.URL);
const token = url.hash.replace(/^#(token=)?/, '');
const socket = new WebSocket(`ws://${url.host}/ws`, SUBPROTOCOL, { origin: url.origin });
socket.binaryType = 'arraybuffer';
const send = message => socket.send(JSON.stringify(message));

socket.on('open', () => send({ type: 'auth', token }));
socket.on('close', (code, reason) => {
  console.error(`the inspector closed the viewer: ${code} ${reason}`);
  process.exit(1);
});
socket.on('message', (data, binary) => {
  if (binary) {
    const { kind, to } = readBinaryHeader(data);
    send({ type: 'ack', [logNameOf(kind)]: to });
    return;
  }
  const message = JSON.parse(data.toString());
  switch (message.type) {
    case 'hello':
      send({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 });
      break;
    case 'snapshot':
      console.log('ready');
      if (process.env.STUCK !== undefined) socket.pause();
      break;
    case 'dropped':
      send({ type: 'ack', [message.log]: message.to });
      break;
  }
});
