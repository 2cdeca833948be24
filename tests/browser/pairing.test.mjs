// A browser on another machine: shut out, let in by the code, in a room of the real LiveKit, forgotten.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NAME, serveAfar } from './afar.mjs';
import { startAgent } from './agent.mjs';
import { accessibilityViolations, openBrowser, outOfSight, shot } from './browser.mjs';
import { startLivekit } from './livekit.mjs';

const SECONDS = 1_000;
let jex, livekit;

before(async () => {
  livekit = await startLivekit();
  jex = await serveAfar();
});
after(async () => {
  await jex?.stop();
  await livekit?.kill();
});

const shutOut = (page) => page.getByRole('heading', { name: 'Pair this browser' }).waitFor();
const trouble = (page, id) => page.waitForSelector(`[data-trouble="${id}"]`, { timeout: 30 * SECONDS });

async function visit(options, path, visited) {
  const { page, context, close } = await openBrowser({ hosts: [NAME], ...options });
  try {
    await page.goto(`${jex.url}${path}`);
    await visited(page, context);
    assert.deepEqual(page.complaints, []);
  } finally {
    await close();
  }
}

describe('a browser that is not paired', () => {
  for (const dark of [false, true]) {
    for (const [width, height] of [
      [360, 740],
      [1440, 900],
    ]) {
      test(`is told how, at ${width} pixels, ${dark ? 'dark' : 'light'}`, () =>
        visit({ dark, viewport: { width, height } }, '/', async (page) => {
          await shutOut(page);
          assert.equal(await page.getByRole('button', { name: 'Talk' }).count(), 0);
          assert.deepEqual(await accessibilityViolations(page), []);
          assert.deepEqual(await outOfSight(page), []);
          await shot(page, `pairing-${width}-${dark ? 'dark' : 'light'}`);

          await page.getByLabel('Code').fill('bcdf ghjk lmnp qrst');
          await page.keyboard.press('Enter');
          await trouble(page, 'wrong-code');
          assert.deepEqual(await accessibilityViolations(page), []);
          assert.deepEqual(await outOfSight(page), []);
          await shot(page, `pairing-wrong-${width}-${dark ? 'dark' : 'light'}`);
        }));
    }
  }

  test('sees everything on a small screen, too', () =>
    visit({ viewport: { width: 320, height: 256 } }, '/', async (page) => {
      await shutOut(page);
      assert.deepEqual(await outOfSight(page), []);
      assert.deepEqual(await accessibilityViolations(page), []);
    }));
});

test('the address lets a browser in, to talk through the proxy, until it is forgotten', { timeout: 120 * SECONDS }, () =>
  visit({}, '/', async (page, context) => {
    await shutOut(page);
    const address = jex.address();
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));

    await page.goto(address);

    await page.getByText('Talk to JEX').waitFor();
    assert.equal(page.url(), `${jex.url}/`);
    assert.ok(!asked.some((url) => url.includes('#')), 'the code is part of no request');
    const [cookie] = await context.cookies();
    assert.equal(cookie.name, '__Host-jex');
    assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite, cookie.path], [true, true, 'Strict', '/']);
    assert.equal(await page.evaluate(() => document.cookie), '');
    assert.match(jex.sessions()[0].browser, /Chrome on Linux/);

    const answered = page.waitForResponse((response) => response.url().endsWith('/api/token'));
    await page.getByRole('button', { name: 'Talk' }).click();
    const token = await (await answered).json();
    assert.equal(token.server_url, jex.url.replace('https', 'wss'));
    const agent = await startAgent(token.room_name);
    try {
      await page.waitForSelector('canvas[data-voice=listening]', { timeout: 30 * SECONDS });
      await shot(page, 'afar-listening');
    } finally {
      await agent.kill();
    }

    await page.goto(address);
    await page.getByText('Talk to JEX').waitFor();
    assert.equal(page.url(), `${jex.url}/`, 'a used address leads whoever is in already to the conversation');

    jex.forgetAll();
    await page.reload();
    await shutOut(page);
  }),
);
