/** One inspector over all workers, as a person sees it. */
import { createServer } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { expect, test } from 'playwright/test';
import { startGateway } from './support/gateway.ts';

test('the inspector of --workers 2 shows connections and streams of both', async ({ page }) => {
  const app = createServer((_request, response) => response.end('ok'));
  await new Promise<void>(resolve => app.listen(0, '127.0.0.1', resolve));
  const { port } = app.address() as { port: number };
  const gateway = await startGateway('--workers', '2', '--to', `http://127.0.0.1:${port}`);
  const sessions: ClientHttp2Session[] = [];
  try {
    await page.goto(gateway.inspector);
    await expect(page.getByRole('status').filter({ hasText: 'live' })).toBeVisible();
    const ask = (): void => {
      for (const [i, session] of sessions.entries())
        session
          .request({ ':path': `/asked-by-${i}` })
          .resume()
          .end();
    };
    const list = page.getByRole('listbox', { name: 'Connections' });
    for (const worker of ['worker 1', 'worker 2']) {
      const client = list.getByRole('option').filter({ hasText: 'client → gateway' }).filter({ hasText: worker });
      // The second worker begins after the first; connections go to those that listen, in turns.
      await expect(async () => {
        sessions.push(connect(gateway.http), connect(gateway.http));
        ask();
        await expect(client.first()).toBeVisible({ timeout: 1000 });
      }).toPass();
      await client.first().click();
      await page.getByRole('tab', { name: 'Overview' }).click();
      await expect(page.getByRole('tabpanel').getByText(worker, { exact: true })).toBeVisible();
      await page.getByRole('tab', { name: 'Streams' }).click();
      await expect(
        page
          .getByRole('grid', { name: 'Streams' })
          .getByText(/^\/asked-by-\d+$/)
          .first(),
      ).toBeVisible();
      ask();
      await page.getByRole('tab', { name: 'Frames' }).click();
      await expect(page.getByRole('gridcell', { name: 'HEADERS' }).first()).toBeVisible();
    }
    // Both legs of an exchange are linked, in whichever worker it is.
    await page.getByRole('tab', { name: 'Streams' }).click();
    await page.getByRole('grid', { name: 'Streams' }).getByRole('row').nth(1).click();
    await expect(page.getByText(/gateway → backend/).last()).toBeVisible();
  } finally {
    for (const session of sessions) session.destroy();
    await gateway.stop();
    app.closeAllConnections();
    app.close();
  }
});
