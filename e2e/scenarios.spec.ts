/** What a person sees of `glassway demo --scenario NAME`: the stream that stands still, and the one right cause. */
import { expect, test } from 'playwright/test';
import { SCENARIO_NAMES } from '../apps/gateway/dist/demo/scenarios/names.js';
import { SCENARIOS } from '../apps/gateway/dist/demo/scenarios/scenarios.js';
import { type RunningGateway, startGateway } from './support/gateway.ts';

for (const name of SCENARIO_NAMES) {
  const { verdict, stream } = SCENARIOS[name];
  test(`the inspector says ${verdict} of the scenario ${name}`, async ({ page }) => {
    const gateway: RunningGateway = await startGateway('demo', '--scenario', name);
    try {
      await page.goto(gateway.inspector);
      await expect(page.getByRole('status').filter({ hasText: 'live' })).toBeVisible();
      const client = page.getByRole('listbox', { name: 'Connections' }).getByRole('option').first();
      await client.click();
      await page.getByRole('tab', { name: 'Streams' }).click();
      const grid = page.getByRole('grid', { name: 'Streams' });
      await grid
        .getByRole('row')
        .filter({ has: page.getByRole('gridcell', { name: String(stream), exact: true }) })
        .click();
      await expect(page.getByRole('heading', { name: verdict })).toBeVisible();
    } finally {
      await gateway.stop();
    }
  });
}
