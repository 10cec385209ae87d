// A client: several requests at once on one connection, a body up and down, and an orderly end.
//
//   node examples/server.mjs &
//   node examples/client.mjs http://127.0.0.1:5928
import { connect as dial } from 'node:net';
import { connect } from '@glassway/h2-core/client';

const url = new URL(process.argv[2] ?? 'http://127.0.0.1:5928');
const client = await connect(dial(Number(url.port || 80), url.hostname), { authority: url.host });

const answers = await Promise.all(
  ['/one', '/two', '/three'].map(async path => {
    const { response } = client.request({ path });
    const { status, body } = await response;
    return `${status} ${await body.text()}`;
  }),
);
process.stdout.write(answers.join(''));

// The body goes out while the response comes in; each waits for the other side when it must.
const upload = client.request({ method: 'POST', path: '/upload', endStream: false });
const answer = upload.response;
for (let i = 0; i < 10; i++) if (!upload.body.write(`line ${i}\n`)) await upload.body.ready();
upload.body.end();
const { status, headers, body } = await answer;
console.log(status, headers.get('content-type'));
for await (const chunk of body) process.stdout.write(chunk);

const { cut } = await client.shutdown({ deadlineMs: 5000 });
console.log(`closed, ${cut.length} requests cut off`);
