/** From a stall to a file and back into the inspector, as a person does it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from 'playwright/test';
import { BIN, command, startGateway } from './support/gateway.ts';

test('a stall is recorded, and the recording shows the same verdict', async ({ page }) => {
  const directory = mkdtempSync(join(tmpdir(), 'glassway-e2e-'));
  const file = join(directory, 'stall.glassway');
  const gateway = await startGateway('demo', '--scenario', 'stream-window');
  try {
    const printed = await command(process.execPath, BIN, 'record', gateway.inspector, '--out', file, '--seconds', '2');
    expect(printed).toMatch(/stall\.glassway: \d+ frames/);
    expect(await command(process.execPath, BIN, 'stalls', gateway.inspector)).toContain('STREAM_SEND_WINDOW');
  } finally {
    await gateway.stop();
  }
  const report = join(directory, 'stall.html');
  await command(process.execPath, BIN, 'export', file, '--format', 'html', '--out', report);
  const complaints: string[] = [];
  const reader = await page.context().newPage();
  reader.on('console', message => complaints.push(message.text()));
  await reader.goto(`file://${report}`);
  await expect(reader.getByRole('heading', { level: 1, name: /^\d+ streams? stood still$/ })).toBeVisible();
  await expect(reader.getByText('STREAM_SEND_WINDOW').first()).toBeVisible();
  await expect(reader.getByText(/but its own window is 0 since/).first()).toBeVisible();
  await expect(reader.getByRole('cell', { name: 'WINDOW_UPDATE' }).first()).toBeVisible();
  // The policy lets its own style through, and there was nothing else to stop.
  expect(await reader.evaluate(() => getComputedStyle(document.querySelector('.card')!).borderLeftWidth)).toBe('4px');
  expect((await new AxeBuilder({ page: reader }).analyze()).violations.map(({ id }) => id)).toEqual([]);
  expect(complaints).toEqual([]);
  await reader.close();
  const viewer = spawn(process.execPath, [BIN, 'open', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    const url = await new Promise<string>(resolve => {
      let text = '';
      viewer.stderr.on('data', chunk => {
        text += chunk;
        const match = /(http:\S+)/.exec(text);
        if (match !== null) resolve(match[1]!);
      });
    });
    await page.goto(url);
    await expect(page.getByRole('status').filter({ hasText: 'recording' })).toBeVisible();
    await page.getByRole('listbox', { name: 'Connections' }).getByRole('option').first().click();
    await page.getByRole('tab', { name: 'Streams' }).click();
    await page.getByRole('grid', { name: 'Streams' }).getByRole('row').nth(1).click();
    await expect(page.getByRole('heading', { name: 'STREAM_SEND_WINDOW' })).toBeVisible();
    await page.getByRole('tab', { name: 'Frames' }).click();
    await expect(page.getByRole('gridcell', { name: 'DATA' }).first()).toBeVisible();
    // What the page holds can be kept by itself, and opened in any page.
    await page.getByRole('button', { name: 'Export' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: /^Recording/ }).click();
    const kept = join(directory, 'kept.glassway');
    await (await download).saveAs(kept);
    await page.reload();
    await page.locator('input[type=file]').setInputFiles(kept);
    await expect(page.getByRole('gridcell', { name: 'DATA' }).first()).toBeVisible();
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'x.glassway', mimeType: 'text/plain', buffer: Buffer.from('no recording') });
    await expect(page.getByRole('alert')).toContainText('no glassway recording');
  } finally {
    viewer.kill();
    rmSync(directory, { recursive: true });
  }
});
