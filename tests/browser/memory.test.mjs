// History, tools and reminders against a page server that answers as told.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { accessibilityViolations, openBrowser, shot } from './browser.mjs';
import { servePage } from './page-server.mjs';

let server, browser, page, usual;

before(async () => {
  server = await servePage();
  usual = { ...server.api };
});
after(() => server.stop());
beforeEach(() => Object.assign(server.api, usual));
afterEach(async () => {
  await browser?.close();
  browser = undefined;
});

async function visit(path, options) {
  browser = await openBrowser(options);
  page = browser.page;
  await page.goto(`${server.url}${path}`);
}

const SIZES = [false, true].flatMap((dark) => [
  { dark, viewport: { width: 360, height: 740 } },
  { dark, viewport: { width: 1440, height: 900 } },
]);
const named = ({ dark, viewport }) => `${viewport.width}-${dark ? 'dark' : 'light'}`;
const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
const focusIsOn = (name) => page.waitForFunction((wanted) => (document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent) === wanted, name);
const ago = (minutes) => new Date(Date.now() - 60_000 * minutes).toISOString();

/** Accessible, no wider than the screen, and nothing against the policy. */
async function sound(name) {
  await shot(page, name);
  assert.deepEqual(await accessibilityViolations(page), []);
  assert.ok(await fits(), 'it scrolls sideways');
  assert.deepEqual(page.complaints, []);
}

const heading = (id, title, began, matches = []) => ({ id, began, ended: began, turns: 6, title, matches });
const HEADINGS = [
  heading('a', 'Remind me in one minute to drink water', ago(3)),
  heading('b', 'Add milk, bread and the large jar of pickled cucumbers to my shopping list, and tell me what else is on it', ago(90)),
  heading('c', '', ago(60 * 26)),
  heading('d', 'Will it rain on Thursday?', ago(60 * 24 * 9)),
];
const FACTS = [{ id: 'f', text: 'The bin goes out on Tuesday evenings', at: ago(60 * 50) }];
const REMINDERS = [
  { id: 'r', text: 'Drink a glass of water', at: ago(2), spoken: false },
  { id: 's', text: 'The tea is ready', at: ago(80), spoken: true },
];
const WHOLE = {
  id: 'b',
  began: ago(90),
  ended: ago(88),
  title: HEADINGS[1].title,
  turns: [
    { id: '1', at: ago(90), speaker: 'assistant', text: 'Hello, I am JEX.', typed: false, interrupted: false, providers: { stt: null, llm: null, tts: 'Piper joe' }, left_for: null },
    { id: '2', at: ago(89.9), speaker: 'caller', text: 'Add milk to my shopping list', typed: false, interrupted: false, providers: { stt: 'Whisper base', llm: null, tts: null }, left_for: null },
    { id: '4', at: ago(89.5), speaker: 'assistant', text: 'Milk is on the list. Besides there', typed: false, interrupted: true, providers: { stt: null, llm: 'llama3.1:8b', tts: 'Piper joe' }, left_for: null },
    { id: '5', at: ago(89.4), speaker: 'caller', text: 'Thanks', typed: true, interrupted: false, providers: { stt: null, llm: null, tts: null }, left_for: null },
  ],
  calls: [
    { id: '3', at: ago(89.7), tool: 'add_to_list', source: 'n8n', decision: 'confirmed', arguments: '{"item":"milk","list":"shopping"}', outcome: 'done', result: '{"items":["bread","milk"]}' },
    { id: '6', at: ago(89.3), tool: 'unlock_door', source: 'n8n', decision: 'never', arguments: '{}', outcome: null, result: null },
  ],
};

function remember() {
  let headings = HEADINGS;
  server.api['/api/history'] = (query) => {
    const words = query.get('query');
    if (words === null) return [200, { conversations: headings, next: null }];
    const found = headings.filter(({ title }) => title.toLowerCase().includes(words));
    return [200, { conversations: found.map((one) => ({ ...one, matches: [one.title] })), next: null }];
  };
  server.api['/api/history/b'] = () => [200, WHOLE];
  server.api['/api/facts'] = () => [200, { facts: FACTS }];
  server.api['/api/reminders'] = () => [200, { reminders: REMINDERS }];
  server.api['DELETE /api/history/b'] = () => {
    headings = headings.filter(({ id }) => id !== 'b');
    return [204, null];
  };
  server.api['DELETE /api/history'] = (query) => {
    asked.push(query.toString());
    headings = [];
    return [204, null];
  };
  const asked = [];
  return asked;
}

describe('the history', () => {
  for (const options of SIZES) {
    test(`is read and searched, ${named(options)}`, async () => {
      remember();
      await visit('/history', options);
      await page.getByText('Will it rain').waitFor();
      await sound(`history-${named(options)}`);

      await page.getByText('1 thing you asked to be remembered').click();
      await page.getByText('2 reminders, 1 not said yet').click();
      await sound(`history-open-${named(options)}`);

      await page.getByRole('searchbox').fill('milk');
      await page.locator('mark').first().waitFor();
      assert.equal(await page.getByText('Will it rain').count(), 0);
      await sound(`history-search-${named(options)}`);

      await page.getByRole('link', { name: /Add milk/ }).click();
      await page.getByText('Hello, I am JEX.').waitFor();
      await page.getByText('What was sent and came back').first().click();
      await sound(`history-conversation-${named(options)}`);
    });
  }

  test('a conversation is deleted by keyboard alone, once that is confirmed', async () => {
    remember();
    await visit('/history?conversation=b', { dark: true, viewport: { width: 360, height: 740 } });
    await page.getByRole('button', { name: 'Delete…' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Delete this conversation?' }).waitFor();
    await sound('history-delete');

    // Enter keeps, for it is what comes first.
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await focusIsOn('Delete…');
    await page.keyboard.press('Enter');
    await focusIsOn('Keep');
    await page.keyboard.press('Tab');
    await focusIsOn('Delete');
    await page.keyboard.press('Enter');

    await page.getByText('Will it rain').waitFor();
    assert.equal(new URL(page.url()).search, '');
    assert.equal(await page.getByText('Add milk').count(), 0);
  });

  test('everything is deleted', async () => {
    const asked = remember();
    await visit('/history');
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByLabel('Everything').check();
    await sound('history-delete-all');

    await page.getByRole('button', { name: 'Delete', exact: true }).click();

    await page.getByText('Nothing is remembered yet.').waitFor();
    assert.deepEqual(asked, ['all=true']);
  });

  test('says how far the database is, and is there as soon as that is', async () => {
    server.api['/api/history'] = () => [503, { error: { code: 'database_away', message: 'PostgreSQL, which keeps what JEX remembers, does not answer.', remedy: 'Wait a moment; `jex status` shows how far it is.' } }];
    server.api['/api/status'] = () => [200, { components: [{ name: 'postgresql', state: 'starting', detail: 'making its folder' }] }];
    await visit('/history', { viewport: { width: 360, height: 740 } });
    await page.getByText('PostgreSQL is starting: making its folder.').waitFor();
    await sound('history-away');

    remember();

    await page.getByText('Will it rain').waitFor();
    await page.locator('[data-failure]').waitFor({ state: 'detached' });
  });

  test('is nothing for a browser that is not let in', async () => {
    server.api['/api/history'] = () => [401, { error: { code: 'not_paired', message: 'This browser is not paired with JEX.', remedy: 'Run `jex pair`.' } }];
    await visit('/history?conversation=b');
    server.api['/api/history/b'] = server.api['/api/history'];
    await page.reload();

    await page.getByRole('heading', { name: 'Pair this browser' }).waitFor();
  });
});

const tool = (name, description, changes) => ({ name, description, source: 'n8n', effect: 'changes', policy: 'ask', problem: null, last: [], ...changes });
const TOOLBOX = {
  tools: [
    tool('add_to_list', 'Adds an item to a list of the owner, such as the shopping list.', {
      last: [
        { at: ago(89), decision: 'confirmed', outcome: 'done' },
        { at: ago(60 * 30), decision: 'not_confirmed', outcome: null },
      ],
    }),
    tool('current_time', 'Tells the time and the date anywhere.', { effect: 'reads', policy: 'allow', source: 'jex' }),
    tool('unlock_door', 'Unlocks the door of the house.', { policy: 'never' }),
    tool('My first workflow', '', { effect: null, policy: null, problem: 'has no sticky note with the name jex' }),
  ],
  sources: [
    { name: 'jex', state: 'ready', message: null },
    { name: 'files', state: 'away', message: 'The MCP server files does not start: this machine gives it no namespace of its own.' },
  ],
};

describe('the tools', () => {
  for (const options of SIZES) {
    test(`say what they do and may, ${named(options)}`, async () => {
      server.api['/api/tools'] = () => [200, TOOLBOX];
      server.api['/api/status'] = () => [200, { components: [{ name: 'n8n', state: 'warming', detail: 'provisioning 4 of 9' }] }];
      await visit('/tools', options);
      await page.getByText('n8n is being set up: provisioning 4 of 9.').waitFor();
      await page.getByText(/^Last called/).click();

      assert.deepEqual(await page.locator('[data-tool="unlock_door"] p').allInnerTexts(), ['Never', 'Unlocks the door of the house.', 'Changes things, n8n']);
      await page.getByText('Not offered: it has no sticky note with the name jex.').waitFor();
      await sound(`tools-${named(options)}`);
    });
  }

  test('of an agent that is away are not there yet', async () => {
    server.api['/api/tools'] = () => [503, { error: { code: 'agent_unreachable', message: 'The agent, which knows the tools, does not answer.', remedy: 'Wait a moment; `jex status` shows how it is.' } }];
    await visit('/tools');
    await page.getByText('The agent, which knows the tools, does not answer.').waitFor();
    await sound('tools-away');

    server.api['/api/tools'] = () => [200, TOOLBOX];

    await page.getByText('Unlocks the door').waitFor();
  });

  test('are reached by the menu, and lead back', async () => {
    await visit('/');
    await page.keyboard.press('?');
    await page.getByRole('link', { name: 'Tools' }).click();
    await page.getByRole('heading', { name: 'Tools' }).waitFor();
    await page.getByText('There are no tools yet').waitFor();

    await page.getByRole('link', { name: 'Back to the conversation' }).click();

    await page.getByRole('button', { name: 'Talk' }).waitFor();
  });
});

describe('reminders that nobody heard', () => {
  for (const options of SIZES) {
    test(`stand on the first page, ${named(options)}`, async () => {
      remember();
      await visit('/', options);
      await page.getByText('Drink a glass of water').waitFor();

      assert.equal(await page.getByText('The tea is ready').count(), 0);
      await sound(`reminders-${named(options)}`);
    });
  }
});
