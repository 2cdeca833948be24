// A machine with no interface but loopback: libwebrtc carries nothing there, and the page says so.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBrowser, shot } from './browser.mjs';
import { startLivekit, tokenEndpoint } from './livekit.mjs';
import { servePage } from './page-server.mjs';

const INSIDE = 'JEX_TEST_FLIGHT_MODE';

if (process.env[INSIDE] === undefined) {
  test('flight mode, in a namespace of its own', { timeout: 120_000 }, () => {
    const script = fileURLToPath(import.meta.url);
    // Node gives its runner's own variables to children, which would then not report to a terminal.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;

    const done = spawnSync(fileURLToPath(new URL('../in-namespace', import.meta.url)), ['--only-lo', process.execPath, '--test', script], {
      env: { ...env, [INSIDE]: '1' },
      encoding: 'utf8',
    });

    assert.equal(done.status, 0, done.stdout + done.stderr);
  });
} else {
  test('the page names the missing network interface, and what works without', async () => {
    const server = await servePage();
    const livekit = await startLivekit({ address: '127.0.0.1' });
    const { page, close } = await openBrowser();
    server.api['/api/token'] = tokenEndpoint();
    try {
      await page.goto(server.url);
      await page.getByRole('button', { name: 'Talk' }).click();

      const card = await page.waitForSelector('[data-trouble=no-network-interface]', { timeout: 60_000 });
      assert.match(await card.innerText(), /no network interface.*jex ask/s);
      await shot(page, 'trouble-no-network-interface');
    } catch (error) {
      await shot(page, 'flight-mode-failed');
      throw new Error(`the page shows: ${await page.locator('body').innerText()}`, { cause: error });
    } finally {
      await close();
      await livekit.kill();
      await server.stop();
    }
  });
}
