/** No finding of axe on any view, in both themes and two sizes; and a stall is found and read with the keyboard alone. */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page, test } from 'playwright/test';
import { type RunningGateway, startGateway } from './support/gateway.ts';

/**
 * What axe finds. The part of a grid that scrolls has no tab stop of its own: the grid around it has the focus, and its keys
 * (arrows, Page Up and Down, Home, End) scroll, which that rule cannot see.
 */
async function findings(page: Page): Promise<Awaited<ReturnType<AxeBuilder['analyze']>>['violations']> {
  return (await new AxeBuilder({ page }).disableRules('scrollable-region-focusable').analyze()).violations;
}

const TABS = ['Overview', 'Streams', 'Frames', 'Windows', 'HPACK', 'Settings', 'Timeline'];

test.describe('accessibility', () => {
  let gateway: RunningGateway;
  test.beforeAll(async () => {
    gateway = await startGateway('demo', '--scenario', 'connection-window');
  });
  test.afterAll(async () => {
    await gateway.stop();
  });

  // Every view once in each theme and size would take minutes: all of them in two, the densest in the other two.
  for (const [colorScheme, width, height, tabs, contrast] of [
    ['dark', 1280, 720, TABS, 'no-preference'],
    ['light', 1920, 1080, TABS, 'no-preference'],
    ['dark', 1920, 1080, ['Streams'], 'more'],
    ['light', 1280, 720, ['Frames', 'Streams'], 'more'],
  ] as const) {
    const how = contrast === 'more' ? ', high contrast,' : '';
    test(`axe finds nothing, ${colorScheme}${how} at ${width}x${height}`, async ({ browser }) => {
      test.setTimeout(900_000);
      const viewport = { width, height };
      const context = await browser.newContext({ colorScheme, viewport, contrast, reducedMotion: 'reduce' });
      const page = await context.newPage();
      await page.goto(gateway.inspector);
      await expect(page.getByRole('status').filter({ hasText: 'live' })).toBeVisible();
      for (const name of tabs) {
        await page.getByRole('tab', { name }).click();
        if (name === 'Streams') await page.getByRole('grid', { name: 'Streams' }).getByRole('row').nth(1).click();
        // The state is sent ten times a second: what the tab shows has come by then.
        await page.waitForTimeout(400);
        const violations = await findings(page);
        const found = violations.map(
          ({ id, nodes }) => `${name}: ${id} at ${nodes.map(node => node.target.join(' ')).join(', ')}`,
        );
        expect(found).toEqual([]);
      }
      await page.getByRole('button', { name: 'Export' }).click();
      const violations = await findings(page);
      expect(violations.map(({ id }) => id)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+k');
      await expect(page.getByRole('combobox', { name: /^Command/ })).toBeFocused();
      expect((await findings(page)).map(({ id, nodes }) => `palette: ${id} at ${nodes[0]?.html}`)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.keyboard.press(',');
      await expect(page.getByRole('button', { name: 'Back to now' })).toBeVisible();
      expect((await findings(page)).map(({ id, nodes }) => `past: ${id} at ${nodes[0]?.html}`)).toEqual([]);
      await context.close();
    });
  }
});

test('from the page’s opening to the reason of a stall without a pointer', async ({ page }) => {
  const gateway = await startGateway('demo', '--scenario', 'connection-window');
  try {
    await page.goto(gateway.inspector);
    await expect(page.getByRole('status').filter({ hasText: 'live' })).toBeVisible();
    await expect(page.getByRole('region', { name: 'Findings' })).toContainText('stall');
    // The worst connection is selected already, or was the first; `e` goes to the finding, `j` to the stream that waits.
    await page.keyboard.press('e');
    await page.keyboard.press('2');
    await page.keyboard.press('j');
    await expect(page.getByRole('heading', { name: 'SESSION_SEND_WINDOW' })).toBeVisible();
    await page.keyboard.press('w');
    await expect(page.getByRole('tab', { name: 'Windows' })).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('/');
    await page.keyboard.type('type=WINDOW_UPDATE');
    await page.keyboard.press('Enter');
    await page.keyboard.press('3');
    await expect(page.getByRole('grid').first()).toBeVisible();
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
  } finally {
    await gateway.stop();
  }
});
