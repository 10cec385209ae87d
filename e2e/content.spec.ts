/** What is inside: octets of a frame beside their meaning, messages of gRPC, and the past of the HPACK tables. */
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Locator, type Page, test } from 'playwright/test';
import { command, installed, type RunningGateway, startGateway } from './support/gateway.ts';

async function live(page: Page, gateway: RunningGateway): Promise<void> {
  await page.goto(gateway.inspector);
  await expect(page.getByRole('status').filter({ hasText: 'live' })).toBeVisible();
}

function firstFrame(page: Page): Locator {
  const grid = page.getByRole('grid', { name: /frames/i }).first();
  return grid.getByRole('row').nth(1);
}

async function noFindings(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).disableRules('scrollable-region-focusable').analyze();
  expect(violations.map(({ id, nodes }) => `${id} at ${nodes.map(node => node.target.join(' ')).join(', ')}`)).toEqual(
    [],
  );
}

test.skip(!installed('curl'), 'curl is not installed');

test.describe('what is inside', () => {
  test.describe.configure({ mode: 'serial' });
  let gateway: RunningGateway;
  test.beforeAll(async () => {
    gateway = await startGateway('demo');
    const message = join(tmpdir(), `glassway-message-${process.pid}`);
    // Not compressed, 9 octets: field 1 is a text, field 2 a number.
    await writeFile(message, Uint8Array.from([0, 0, 0, 0, 9, 0x0a, 5, ...Buffer.from('hello'), 0x10, 7]));
    const fields = ['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', 'grpc-timeout: 10S'];
    const body = ['--data-binary', `@${message}`, '-o', '/dev/null'];
    await command('curl', '-s', '--http2-prior-knowledge', ...fields, ...body, `${gateway.http}/demo.Echo/Chat`);
    await rm(message);
  });
  test.afterAll(async () => {
    await gateway.stop();
  });

  test('a frame octet by octet: what is pointed at, or walked to, is marked on both sides', async ({ page }) => {
    await live(page, gateway);
    await page.keyboard.press('3');
    await page.getByRole('button', { name: 'HEADERS', exact: true }).click();
    await page.keyboard.press('f');
    await firstFrame(page).click();
    const fields = page.getByRole('listbox', { name: 'Fields of the frame' });
    const dump = page.getByRole('grid', { name: 'Octets of the frame' });
    await expect(fields.getByRole('option', { name: /Type/ })).toBeVisible();
    await fields.getByRole('option', { name: /Length/ }).hover();
    await expect(dump.locator('[role=gridcell][data-marked]')).toHaveCount(3);
    await dump.focus();
    // From the first octet of the length to the flags.
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
    await page.mouse.move(0, 0);
    await expect(fields.getByRole('option', { selected: true })).toContainText('Flags');
    await fields.focus();
    await page.keyboard.press('ArrowDown');
    await expect(fields.getByRole('option', { selected: true })).toContainText('Stream Identifier');
    await expect(dump.locator('[role=gridcell][data-marked]')).toHaveCount(4);
    await noFindings(page);
  });

  test('a call of gRPC says its deadline and how it ended, and a message opens', async ({ page }) => {
    await live(page, gateway);
    await page.keyboard.press('2');
    const call = page.getByRole('grid', { name: 'Streams' }).getByRole('row').filter({ hasText: 'demo.Echo' }).first();
    await call.click();
    await expect(page.getByText('deadline 10 s')).toBeVisible();
    await page.getByRole('button', { name: /#1/ }).first().click();
    await expect(page.getByText('"hello"').first()).toBeVisible();
    await noFindings(page);
  });

  test('HPACK goes back block by block, everything else goes along, and both come back to now', async ({ page }) => {
    await live(page, gateway);
    await page.keyboard.press('5');
    const slider = page.getByRole('slider', { name: 'Field block' });
    await expect(slider).toHaveAttribute('aria-valuetext', 'now');
    await expect(async () => {
      await slider.focus();
      await page.keyboard.press('ArrowLeft');
      await expect(slider).toHaveAttribute('aria-valuetext', /\d+ of \d+, at/, { timeout: 1000 });
    }).toPass();
    await expect(page.getByText(/% saved/)).toBeVisible();
    await expect(page.getByRole('status').filter({ hasText: 'in the past' })).toBeVisible();
    await noFindings(page);
    // Before the first block there was no stream, and then there was one after the other.
    await page.getByRole('button', { name: 'First block' }).click();
    await expect(slider).toHaveAttribute('aria-valuetext', /^1 of/);
    await page.keyboard.press('2');
    await expect(page.getByRole('button', { name: 'All 1', exact: true })).toBeVisible();
    await expect(page.getByRole('grid', { name: 'Streams' }).getByRole('row')).toHaveCount(2);
    await noFindings(page);
    await page.keyboard.press('5');
    await page.getByRole('button', { name: 'Now', exact: true }).click();
    await expect(slider).toHaveAttribute('aria-valuetext', 'now');
    await expect(page.getByRole('status').filter({ hasText: 'live' })).toBeVisible();
  });
});

test('without --inspector-payloads the page says why it shows no body', async ({ page }) => {
  const gateway = await startGateway('--to', 'http://127.0.0.1:9');
  try {
    await command('curl', '-s', '--http2-prior-knowledge', '-o', '/dev/null', `${gateway.http}/`);
    await live(page, gateway);
    await page.keyboard.press('3');
    await page.getByRole('button', { name: 'DATA', exact: true }).click();
    await firstFrame(page).click();
    await expect(page.getByText(/Octets of bodies are not kept/)).toBeVisible();
  } finally {
    await gateway.stop();
  }
});
