// What is asked before something is done, and what is being done, in a room of the real LiveKit server.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { startAgent } from './agent.mjs';
import { accessibilityViolations, openBrowser, outOfSight, shot } from './browser.mjs';
import { startLivekit, tokenEndpoint } from './livekit.mjs';
import { servePage } from './page-server.mjs';

const SECONDS = 1_000;
const QUESTION = { id: 'q-1', text: 'Shall I add milk, bread and the large jar of pickled cucumbers to the list shopping?', until: '2026-11-28T10:00:30Z' };
let server, livekit;
let open = [];

before(async () => {
  server = await servePage();
  livekit = await startLivekit();
});
after(async () => {
  await livekit.kill();
  await server.stop();
});
afterEach(async () => {
  for (const { close } of open.reverse()) await close();
  open = [];
});

/** Talk is pressed, an agent comes, and something was said. */
async function talk(options) {
  const browser = await openBrowser(options);
  open.push(browser);
  const { page } = browser;
  const room = new Promise((resolve) => {
    server.api['/api/token'] = tokenEndpoint(resolve);
  });
  await page.goto(server.url);
  await page.getByRole('button', { name: 'Talk' }).click();
  const agent = await startAgent(await room);
  open.push({ close: () => agent.kill() });
  await page.waitForSelector('canvas[data-voice=listening]', { timeout: 30 * SECONDS });
  agent.tell({ do: 'say', answer: 'A1', segment: 'S1', words: ['Hello, ', 'I am JEX.'] });
  await page.getByText('Hello, I am JEX.').first().waitFor();
  return { page, agent };
}

const ask = (agent, changes = {}) => agent.attributes({ 'jex.question': JSON.stringify({ ...QUESTION, ...changes }) });
const card = (page) => page.getByRole('group', { name: 'Shall I' });
const answer = (agent) => agent.saw(({ saw }) => saw === 'answer');

describe('a question', () => {
  for (const dark of [false, true]) {
    for (const [width, height] of [
      [360, 740],
      [1440, 900],
    ]) {
      test(`is asked with Yes and No at ${width} pixels, ${dark ? 'dark' : 'light'}`, async () => {
        const { page, agent } = await talk({ dark, viewport: { width, height } });
        ask(agent);
        await card(page).waitFor();

        await shot(page, `question-${width}-${dark ? 'dark' : 'light'}`);
        assert.deepEqual(await accessibilityViolations(page), []);
        assert.deepEqual(await outOfSight(page), []);
        assert.match(await page.getByTestId('question-announcer').textContent(), /^JEX asks: Shall I add milk/);
        await page.getByRole('button', { name: 'Yes' }).click();

        const { answer: given, identity } = await answer(agent);
        assert.deepEqual(given, { question: 'q-1', yes: true });
        assert.match(identity, /^caller-/);
        agent.attributes({ 'jex.question': '' });
        await card(page).waitFor({ state: 'detached' });
        assert.deepEqual(page.complaints, []);
      });
    }
  }

  test('is answered by keys, and leaves whoever types alone', async () => {
    const { page, agent } = await talk();
    await page.keyboard.press('/');
    await page.keyboard.type('Ma');
    ask(agent);
    await card(page).waitFor();
    await page.keyboard.type('ny thanks');
    assert.equal(await page.getByLabel('Type to JEX').inputValue(), 'Many thanks');
    assert.equal(agent.seen.filter(({ saw }) => saw === 'answer').length, 0);

    await page.keyboard.press('Escape');
    await page.keyboard.press('n');

    assert.deepEqual((await answer(agent)).answer, { question: 'q-1', yes: false });
  });

  test('takes a yes only once it was asked to its end', async () => {
    const { page, agent } = await talk();
    ask(agent, { until: null });
    await card(page).waitFor();
    assert.ok(await page.getByRole('button', { name: 'Yes' }).isDisabled());
    assert.ok(await page.getByRole('button', { name: 'No' }).isEnabled());
    await page.keyboard.press('y');

    ask(agent);
    await page.waitForFunction(() => document.querySelector('[data-control=yes]').disabled === false);
    assert.equal(agent.seen.filter(({ saw }) => saw === 'answer').length, 0);
    await page.keyboard.press('y');

    assert.deepEqual((await answer(agent)).answer, { question: 'q-1', yes: true });
  });

  test('gives way to the next one, for which another press is needed', async () => {
    const { page, agent } = await talk();
    ask(agent);
    await page.getByRole('button', { name: 'Yes' }).focus();
    await page.keyboard.press('Enter');
    await answer(agent);

    ask(agent, { id: 'q-2', text: 'Shall I delete the list shopping?' });
    await page.getByRole('group', { name: 'Shall I delete' }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.dataset.control), 'mute');

    assert.equal(agent.seen.filter(({ saw }) => saw === 'answer').length, 1);
  });

  test('says when the answer was not taken', async () => {
    const { page, agent } = await talk();
    agent.tell({ do: 'deaf', deaf: true });
    ask(agent);
    await page.getByRole('button', { name: 'Yes' }).click();
    await page.getByText('JEX did not get your answer').waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
  });

  for (const [width, height] of [
    [360, 560],
    [720, 450],
  ]) {
    test(`is in reach at ${width} by ${height}`, async () => {
      const { page, agent } = await talk({ viewport: { width, height } });
      ask(agent);
      await card(page).waitFor();

      await shot(page, `small-${width}-question`);
      assert.deepEqual(await outOfSight(page), []);
    });
  }
});

describe('while a tool runs', () => {
  for (const [width, dark] of [
    [360, true],
    [1440, false],
  ]) {
    test(`its name stands beside the shape, and it can be stopped, at ${width} pixels`, async () => {
      const { page, agent } = await talk({ dark, viewport: { width, height: 740 } });
      agent.attributes({ 'lk.agent.state': 'thinking', 'jex.acting': JSON.stringify({ tools: ['add_to_list', 'get_weather'], since: '2026-11-28T10:00:00Z' }) });
      await page.waitForSelector('canvas[data-voice=acting]');

      assert.equal(await page.getByTestId('voice-words').innerText(), 'Working: add to list, get weather');
      assert.equal(await page.title(), 'Working · JEX');
      await shot(page, `acting-${width}-${dark ? 'dark' : 'light'}`);
      assert.deepEqual(await accessibilityViolations(page), []);
      await page.getByRole('button', { name: 'Stop' }).click();

      await agent.saw(({ saw }) => saw === 'interrupt');
      agent.attributes({ 'lk.agent.state': 'listening', 'jex.acting': '' });
      await page.waitForSelector('canvas[data-voice=listening]');
    });
  }

  test('nobody is told that the answer is late', async () => {
    const { page, agent } = await talk();
    agent.attributes({ 'lk.agent.state': 'thinking', 'jex.acting': '{"tools":["add_to_list"]}' });
    await page.waitForSelector('canvas[data-voice=acting]');

    await page.waitForTimeout(5 * SECONDS);

    assert.equal(await page.locator('[data-trouble]').count(), 0);
  });
});

test('the tools that were called are told with the answer', async () => {
  const { page, agent } = await talk();
  const turn = {
    turn_id: 'T1',
    answer_id: 'A1',
    answer: 'Hello, I am JEX.',
    interrupted: false,
    made_where: 'on this machine',
    providers: { stt: 'Whisper base', llm: 'jex-demo', tts: 'Piper joe' },
    stages_ms: {},
    problem: null,
    calls: [{ tool: 'add_to_list', outcome: 'done' }],
  };
  agent.tell({ do: 'turn', turn });

  await page.getByText('How it was made').click();

  assert.match(await page.locator('dl').first().innerText(), /Tool: add to list\s+done/);
});

test('the menu leads to the other pages beside the talk, which goes on', async () => {
  const { page } = await talk();
  await page.keyboard.press('?');
  const opened = page.context().waitForEvent('page');
  await page.getByRole('link', { name: 'History' }).click();

  const other = await opened;
  await other.getByRole('heading', { name: 'History' }).waitFor();
  assert.equal(new URL(other.url()).pathname, '/history');
  await page.waitForSelector('canvas[data-voice=listening]');
});
