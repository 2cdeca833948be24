// The page against a page server that answers as told; no LiveKit.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { accessibilityViolations, openBrowser, outOfSight, shot } from './browser.mjs';
import { LIVEKIT_URL } from './livekit.mjs';
import { INFO, servePage } from './page-server.mjs';

const SECONDS = 1_000;
let server;

before(async () => {
  server = await servePage();
});
after(() => server.stop());

/** For a LiveKit that is not there. */
const TOKEN = { server_url: LIVEKIT_URL, participant_token: 'x', room_name: 'talk-1', participant_identity: 'caller-1', expires_in_seconds: 300 };

/** For what the page itself cannot tell. */
async function waitFor(isThere, seconds = 10) {
  for (const end = Date.now() + seconds * SECONDS; !isThere(); await new Promise((resolve) => setTimeout(resolve, 50))) {
    assert.ok(Date.now() < end, `not within ${seconds} s`);
  }
}

const trouble = (page, id) => page.waitForSelector(`[data-trouble="${id}"]`, { timeout: 30 * SECONDS });

describe('before a talk', () => {
  for (const dark of [false, true]) {
    for (const [width, height] of [
      [360, 740],
      [1440, 900],
    ]) {
      test(`it is accessible and fits ${width} pixels, ${dark ? 'dark' : 'light'}`, async () => {
        const { page, close } = await openBrowser({ dark, viewport: { width, height } });
        try {
          await page.goto(server.url);
          await page.getByText('135 million parameters').waitFor();

          assert.deepEqual(await accessibilityViolations(page), []);
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways');
          assert.ok(await page.getByText('kept on the machine that JEX runs on').first().isVisible());
          await shot(page, `empty-${width}-${dark ? 'dark' : 'light'}`);

          await page.keyboard.press('?');
          await page.getByRole('dialog').waitFor();
          assert.deepEqual(await accessibilityViolations(page), []);
          await shot(page, `menu-${width}-${dark ? 'dark' : 'light'}`);
          assert.deepEqual(page.complaints, []);
        } finally {
          await close();
        }
      });
    }
  }
});

describe('on a small screen', () => {
  for (const [width, height, why] of [
    [360, 560, 'a phone'],
    [720, 450, 'a laptop at 200 %'],
    [320, 256, 'a laptop at 400 %'],
  ]) {
    test(`nothing is out of sight at ${width} by ${height}, ${why}`, async () => {
      const { page, close } = await openBrowser({ viewport: { width, height } });
      try {
        await page.goto(server.url);
        await page.getByText('135 million parameters').waitFor();
        await shot(page, `small-${width}-empty`);
        assert.deepEqual(await outOfSight(page), []);
        assert.deepEqual(await accessibilityViolations(page), []);

        await page.getByRole('button', { name: 'Talk' }).click();
        await trouble(page, 'refused');
        await shot(page, `small-${width}-trouble`);
        assert.deepEqual(await outOfSight(page), []);
        assert.deepEqual(await accessibilityViolations(page), []);

        await page.getByLabel('Type to JEX').fill('What is the capital of France?');
        await page.keyboard.press('Enter');
        await page.locator('[data-line=said]').waitFor();
        await shot(page, `small-${width}-said`);
        assert.deepEqual(await outOfSight(page), []);
        assert.deepEqual(await accessibilityViolations(page), []);
      } finally {
        await close();
      }
    });
  }
});

describe('a page that asks only its own server', () => {
  test('first paint needs no LiveKit code, and nothing comes from another host', async () => {
    const { page, close } = await openBrowser();
    const asked = [];
    const ofLivekit = [];
    const read = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('response', (response) => {
      if (response.url().endsWith('.js')) read.push(look(response));
    });
    async function look(response) {
      if ((await response.text()).includes('could not establish pc connection')) ofLivekit.push(response.url());
    }
    try {
      await page.goto(server.url);
      await waitFor(() => ofLivekit.length > 0);
      await Promise.all(read);

      const begun = await page.evaluate(() => {
        const { startTime: painted } = performance.getEntriesByName('first-contentful-paint')[0];
        return performance.getEntriesByType('resource').map(({ name, startTime }) => ({ url: name, early: startTime < painted }));
      });
      assert.ok(begun.some(({ url, early }) => early && url.endsWith('.js')), 'no script at all was asked for before first paint');
      assert.deepEqual(begun.filter(({ url, early }) => early && ofLivekit.includes(url)), []);
      assert.deepEqual(asked.filter((url) => !url.startsWith(`${server.url}/`)), []);
      assert.deepEqual(page.complaints, []);
    } finally {
      await close();
    }
  });

  test('an unknown address says so under the same policy', async () => {
    const { page, close } = await openBrowser();
    try {
      await page.goto(`${server.url}/no-such-page`);
      await page.getByText('There is no such page').waitFor();

      assert.deepEqual(await accessibilityViolations(page), []);
      assert.deepEqual(page.complaints, []);
    } finally {
      await close();
    }
  });
});

describe('troubles before a room', () => {
  let browser, page;

  before(async () => {
    browser = await openBrowser();
    page = browser.page;
  });
  after(() => browser.close());
  beforeEach(async () => {
    server.api['/api/token'] = () => [503, { error: { code: 'livekit_unreachable', message: 'LiveKit does not answer', remedy: 'Look at `jex status`' } }];
    await page.goto(server.url);
    await page.getByText('135 million parameters').waitFor();
  });

  test("a refusal shows the server's own words, and counts down to the next try", async () => {
    await page.getByRole('button', { name: 'Talk' }).click();

    const card = await trouble(page, 'refused');
    assert.match(await card.innerText(), /LiveKit does not answer\.\s+Look at jex status\./);
    assert.match(await page.getByTestId('countdown').innerText(), /Next try in \d+ s|Trying now/);
    assert.deepEqual(await accessibilityViolations(page), []);
    await shot(page, 'trouble-refused-1440-light');
  });

  test('a refusal that will not pass waits for the owner', async () => {
    server.api['/api/token'] = () => [403, { error: { code: 'origin', message: 'This page came from another address', remedy: 'Open http://localhost:3000' } }];
    await page.getByRole('button', { name: 'Talk' }).click();

    await trouble(page, 'refused');
    assert.equal(await page.getByTestId('countdown').count(), 0);
    assert.ok(await page.getByRole('button', { name: 'Try now' }).isVisible());
  });

  test('a page server that is gone is named, and found again without a press', async () => {
    await server.stop();
    await page.getByRole('button', { name: 'Talk' }).click();
    const card = await trouble(page, 'page-server-gone');
    assert.match(await card.innerText(), /JEX does not answer.*jex up/s);
    await shot(page, 'trouble-page-server-gone-1440-light');

    await server.start();

    await trouble(page, 'refused');
  });

  test('a server that answers nonsense is not taken for JEX', async () => {
    server.api['/api/token'] = () => [200, { server_url: 7 }];
    await page.getByRole('button', { name: 'Talk' }).click();

    await trouble(page, 'page-server-gone');
  });

  test('LiveKit that cannot be reached is named', async () => {
    server.api['/api/token'] = () => [200, TOKEN];
    await page.getByRole('button', { name: 'Talk' }).click();

    await trouble(page, 'livekit-gone');
    assert.deepEqual(page.complaints, []);
  });

  test('an address of LiveKit that is none is told in the words of the browser', async () => {
    server.api['/api/token'] = () => [200, { ...TOKEN, server_url: 'nowhere' }];
    await page.getByRole('button', { name: 'Talk' }).click();

    const card = await trouble(page, 'unknown');
    assert.match(await card.innerText(), /could not begin: \S/);
    await page.getByRole('button', { name: 'Try again' }).waitFor();
  });

  test('a part of the page that cannot be loaded is told, and asked for again', async () => {
    const html = await (await fetch(server.url)).text();
    await page.route('**/*.js', (route) => (html.includes(new URL(route.request().url()).pathname) ? route.continue() : route.abort()));
    server.api['/api/token'] = () => [200, TOKEN];
    await page.reload();
    await page.getByRole('button', { name: 'Talk' }).click();

    await trouble(page, 'page-incomplete');
    await page.getByRole('button', { name: 'Load again' }).waitFor();
    await page.unroute('**/*.js');
    await trouble(page, 'livekit-gone');
  });

  test('typing before Talk begins a talk, and keeps the words', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('What is the capital of France?');
    await page.keyboard.press('Enter');

    await trouble(page, 'refused');
    assert.match(await page.locator('[data-line=said]').innerText(), /What is the capital of France\?\s+Waits until JEX is there/);
  });

  test('everything works by keyboard alone', async () => {
    const reached = [];
    for (let step = 0; step < 3; step += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent));
    }
    assert.deepEqual(reached, ['Talk', 'Type to JEX', 'Menu']);

    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('t');
    await trouble(page, 'refused');
    assert.ok(await page.getByRole('button', { name: 'Leave' }).isVisible());

    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Talk' }).waitFor();
    assert.equal(await page.locator('[data-trouble]').count(), 0);

    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });
});

test('a browser without WebRTC is told which ones have it', async () => {
  const { page, close } = await openBrowser();
  try {
    await page.addInitScript(() => {
      delete window.RTCPeerConnection;
      delete window.webkitRTCPeerConnection;
    });
    await page.goto(server.url);
    await page.getByRole('button', { name: 'Talk' }).click();

    await trouble(page, 'unsupported');
  } finally {
    await close();
  }
});

test('a model that was changed is known from the next talk on', async () => {
  const own = await servePage();
  const { page, close } = await openBrowser();
  try {
    await page.goto(own.url);
    await page.getByText('135 million parameters').waitFor();

    own.api['/api/info'] = () => [200, { ...INFO, model: 'llama3.1:8b', model_is_demo: false }];
    await page.getByRole('button', { name: 'Talk' }).click();
    await trouble(page, 'refused');
    await page.keyboard.press('Escape');

    await page.getByText('135 million parameters').waitFor({ state: 'detached' });
  } finally {
    await close();
    await own.stop();
  }
});

test('a model that is no demo is not called one', async () => {
  const own = await servePage();
  own.api['/api/info'] = () => [200, { ...INFO, model: 'llama3.1:8b', model_is_demo: false, assistant_name: 'Ada' }];
  const { page, close } = await openBrowser();
  try {
    await page.goto(own.url);
    await page.getByText('Talk to Ada').waitFor();

    assert.equal(await page.getByText('demo').count(), 0);
  } finally {
    await close();
    await own.stop();
  }
});
