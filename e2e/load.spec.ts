/** The page under more than any eye follows; `npm run bench -- P11` does the same for a minute and looks at every task. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';

const RATE = 50_000;
const SECONDS = 5;

test('50,000 frames a second: every frame is received or known to be dropped, and the page answers', async ({
  page,
}) => {
  const hub = spawn(process.execPath, [join(import.meta.dirname, '..', 'bench', 'servers', 'synthetic-hub.mjs')], {
    env: { ...process.env, RATE: String(RATE), SECONDS: String(SECONDS) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  hub.stdout.on('data', chunk => {
    output += chunk;
  });
  try {
    await expect.poll(() => output).toMatch(/inspector http/);
    await page.goto(/inspector (\S+)/.exec(output)![1]!);
    await page.getByRole('listbox', { name: 'Connections' }).getByRole('option').first().click();
    await page.getByRole('tab', { name: 'Frames' }).click();
    await expect(page.getByRole('tab', { name: 'Frames' })).toHaveAttribute('aria-selected', 'true');
    // While frames come in: a key is answered.
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect.poll(() => output).toMatch(/produced \d+/);
    const produced = Number(/produced (\d+)/.exec(output)![1]);
    expect(produced).toBe(RATE * SECONDS);
    await expect
      .poll(async () => {
        const text = (await page.locator('footer').textContent()) ?? '';
        const [, total, sign, received, dropped] =
          /produced\s*([\d\s.,]+?)\s*([=≠])\s*received\s*([\d\s.,]+?)\s*\+\s*dropped\s*([\d\s.,]+)/.exec(text) ?? [];
        const count = (part: string | undefined): number => Number((part ?? '').replace(/\D/g, ''));
        return { sign, produced: count(total), sum: count(received) + count(dropped) };
      })
      .toEqual({ sign: '=', produced, sum: produced });
  } finally {
    hub.kill('SIGKILL');
  }
});
