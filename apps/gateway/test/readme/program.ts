import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DEFAULT_SETTINGS, startGateway } from '@glassway/gateway';

const app = createServer((request, response) => response.end(`${request.headers.via}: ${request.url}\n`));
await new Promise<void>(resolve => app.listen(0, '127.0.0.1', resolve));

const gateway = await startGateway({
  ...DEFAULT_SETTINGS,
  to: [`http://127.0.0.1:${(app.address() as AddressInfo).port}`],
  http: { host: '127.0.0.1', port: 0 },
  https: null,
  inspector: null,
});
const response = await fetch(`http://127.0.0.1:${gateway.http?.port}/a/./b`);
console.log(response.status, (await response.text()).replace(/-[0-9a-f]{8}/, '-XXXXXXXX').trim());

await gateway.close(1000);
app.close();
