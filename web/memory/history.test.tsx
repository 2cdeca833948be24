import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AWAY, NOT_PAIRED, serve, type Answer } from '@/server/server.testing';
import { ConversationPage } from './ConversationPage';
import { joined } from './useHistory';
import { became, readable } from './lines';
import { Overview } from './Overview';

afterEach(() => vi.unstubAllGlobals());

const heading = (id: string, title: string, matches: string[] = []) => ({ id, began: '2026-03-05T08:00:00Z', ended: null, turns: 4, title, matches });
const list = (...conversations: object[]): Answer => [200, { conversations, next: null }];
const NOTHING: Record<string, Answer> = { 'GET /api/facts': [200, { facts: [] }], 'GET /api/reminders': [200, { reminders: [] }] };

const titles = () => screen.getAllByRole('link').flatMap((link) => (link.getAttribute('href')?.startsWith('/history?') ? [link.textContent] : []));

describe('the history', () => {
  it('lists what was talked about, and leads to each', async () => {
    serve({ ...NOTHING, 'GET /api/history': list(heading('c 1', 'Add milk'), heading('c2', '')) });

    render(<Overview />);

    await screen.findByText('Add milk');
    expect(screen.getByRole('link', { name: /Add milk/ })).toHaveAttribute('href', '/history?conversation=c%201');
    expect(screen.getByText('Nothing was asked')).toBeVisible();
  });

  it('is searched as one types, and shows where the words stand', async () => {
    const { asked } = serve({
      ...NOTHING,
      'GET /api/history': (query) => (query.get('query') === 'milk' ? list(heading('c1', 'Shopping', ['Add Milk, not milkshake'])) : list(heading('c1', 'Shopping'), heading('c2', 'Weather'))),
    });
    render(<Overview />);
    await screen.findByText('Weather');

    await userEvent.type(screen.getByRole('searchbox', { name: 'Search what was said' }), ' milk ');

    await waitFor(() => expect(screen.queryByText('Weather')).toBeNull());
    expect(screen.getByText('Milk').tagName).toBe('MARK');
    expect(document.querySelectorAll('mark')).toHaveLength(1);
    expect(screen.getByText('1 conversation')).toBeInTheDocument();
    expect(asked.filter((path) => path.startsWith('GET /api/history'))).toEqual(['GET /api/history', 'GET /api/history?query=milk']);
  });

  it('says when nothing was found, or nothing is there', async () => {
    serve({ ...NOTHING, 'GET /api/history': list() });
    render(<Overview />);
    await screen.findByText('Nothing is remembered yet.');

    await userEvent.type(screen.getByRole('searchbox'), 'x');

    await screen.findByText(/Nobody said that/);
    expect(screen.queryByRole('button', { name: 'Delete…' })).toBeNull();
  });

  it('goes on with older ones', async () => {
    serve({
      ...NOTHING,
      'GET /api/history': (query) => (query.get('before') === 'then' ? list(heading('c2', 'Second')) : [200, { conversations: [heading('c1', 'First')], next: 'then' }]),
    });
    render(<Overview />);
    await screen.findByText('First');

    await userEvent.click(screen.getByRole('button', { name: 'Older ones' }));

    await screen.findByText('Second');
    expect(titles()).toHaveLength(2);
    expect(screen.queryByRole('button', { name: 'Older ones' })).toBeNull();
  });

  it('joins what several pages have of one conversation', () => {
    const of = (matches: string[]) => ({ conversations: [{ id: 'c1', began: 0, ended: null, turns: 1, title: '', matches }], next: null });

    expect(joined([of(['one']), of(['two'])])).toMatchObject([{ id: 'c1', matches: ['one', 'two'] }]);
  });

  it.each([
    ['The last hour', 'DELETE /api/history?last_seconds=3600'],
    ['Everything', 'DELETE /api/history?all=true'],
  ])('deletes, once that is confirmed: %s', async (span, order) => {
    const { asked } = serve({ ...NOTHING, 'GET /api/history': list(heading('c1', 'First')), 'DELETE /api/history': [204, null] });
    render(<Overview />);
    await userEvent.click(await screen.findByRole('button', { name: 'Delete…' }));
    const dialog = screen.getByRole('dialog', { name: 'Delete from the history' });
    expect(dialog).toHaveTextContent(/tools were called with.*summaries.*n8n's records.*lists and in your notes stays/);
    expect(asked.some((path) => path.startsWith('DELETE'))).toBe(false);

    await userEvent.click(within(dialog).getByRole('radio', { name: span }));
    await userEvent.click(within(dialog).getByRole('button', { name: 'Delete' }));

    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(asked.filter((path) => path.startsWith('DELETE'))).toEqual([order]);
    await waitFor(() => expect(asked.filter((path) => path === 'GET /api/history')).toHaveLength(2));
  });

  it('has neither facts nor reminders of what was deleted', async () => {
    const at = '2026-03-05T08:00:00Z';
    const facts = [{ id: 'f1', text: 'The bin goes out on Tuesday', at }];
    const reminders = [{ id: 'r1', text: 'Drink water', at, spoken: true }];
    serve({
      'GET /api/history': list(heading('c1', 'First')),
      'GET /api/facts': () => [200, { facts }],
      'GET /api/reminders': () => [200, { reminders }],
      'DELETE /api/history': () => (facts.pop(), reminders.pop(), [204, null]),
    });
    render(<Overview />);
    await screen.findByText('The bin goes out on Tuesday');
    await screen.findByText('Drink water');

    await userEvent.click(await screen.findByRole('button', { name: 'Delete…' }));
    await userEvent.click(screen.getByRole('button', { name: 'Delete' }));

    await waitFor(() => expect(screen.queryByText('The bin goes out on Tuesday')).toBeNull());
    await waitFor(() => expect(screen.queryByText('Drink water')).toBeNull());
  });

  it('keeps everything where deleting fails, and says so', async () => {
    serve({ ...NOTHING, 'GET /api/history': list(heading('c1', 'First')), 'DELETE /api/history': AWAY });
    render(<Overview />);
    await userEvent.click(await screen.findByRole('button', { name: 'Delete…' }));

    await userEvent.click(screen.getByRole('button', { name: 'Delete' }));

    await within(screen.getByRole('dialog')).findByText('PostgreSQL does not answer.');
    await userEvent.click(screen.getByRole('button', { name: 'Keep' }));
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(screen.getByText('First')).toBeVisible();
  });

  it('says why it cannot be read, and how far the database is', async () => {
    serve({ 'GET /api/history': AWAY, 'GET /api/status': [200, { components: [{ name: 'postgresql', state: 'starting', detail: null }, { name: 'ollama', state: 'starting' }] }] });

    render(<Overview />);

    expect(await screen.findByText('PostgreSQL does not answer.')).toBeVisible();
    expect(await screen.findByText('PostgreSQL is starting.')).toBeVisible();
    expect(screen.queryByText(/ollama/)).toBeNull();
  });

  it('is nothing for a browser that is not let in', async () => {
    serve({ 'GET /api/history': NOT_PAIRED });

    render(<Overview />);

    expect(await screen.findByRole('heading', { name: 'Pair this browser' })).toBeVisible();
  });

  it('forgets one thing, once that is confirmed', async () => {
    const facts = [{ id: 'f1', text: 'The bin goes out on Tuesday', at: '2026-03-05T08:00:00Z' }];
    const { asked } = serve({ ...NOTHING, 'GET /api/history': list(), 'GET /api/facts': () => [200, { facts }], 'DELETE /api/facts/f1': () => (facts.pop(), [204, null]) });
    render(<Overview />);
    await userEvent.click(await screen.findByText('1 thing you asked to be remembered'));

    await userEvent.click(screen.getByRole('button', { name: 'Forget: The bin goes out on Tuesday' }));
    expect(asked).not.toContain('DELETE /api/facts/f1');
    await userEvent.click(screen.getByRole('button', { name: 'Forget' }));

    await waitFor(() => expect(screen.queryByText(/asked to be remembered$/)).toBeNull());
    expect(asked).toContain('DELETE /api/facts/f1');
  });

  it('has the reminders, and which were not heard', async () => {
    const reminder = (id: string, spoken: boolean) => ({ id, text: `Drink ${id}`, at: '2026-03-05T08:00:00Z', spoken });
    serve({ ...NOTHING, 'GET /api/history': list(), 'GET /api/reminders': [200, { reminders: [reminder('water', false), reminder('tea', true)] }] });

    render(<Overview />);

    expect(await screen.findByText('2 reminders, 1 not said yet')).toBeVisible();
    expect(screen.getByText('Drink water').nextSibling).toHaveTextContent(/not said yet$/);
    expect(screen.getByText('Drink tea').nextSibling).not.toHaveTextContent(/not said/);
  });
});

const CONVERSATION = {
  id: 'c1',
  began: '2026-03-05T08:00:00Z',
  ended: '2026-03-05T08:01:00Z',
  title: 'Add milk',
  turns: [
    { id: 't1', at: '2026-03-05T08:00:00Z', speaker: 'caller', text: 'Add milk', typed: true, interrupted: false, providers: { stt: null, llm: null, tts: null }, left_for: null },
    { id: 't2', at: '2026-03-05T08:00:05.5Z', speaker: 'assistant', text: 'Milk is on', typed: false, interrupted: true, providers: { stt: null, llm: 'large', tts: 'Piper' }, left_for: 'api.example.com' },
  ],
  calls: [
    { id: 'k1', at: '2026-03-05T08:00:02Z', tool: 'add_to_list', source: 'n8n', decision: 'confirmed', arguments: '{"item":"milk"}', outcome: 'done', result: '"Added."' },
  ],
};

describe('a conversation', () => {
  it('reads as it was, with what was done in between', async () => {
    serve({ 'GET /api/history/c1': [200, CONVERSATION] });

    render(<ConversationPage id="c1" />);

    await screen.findByText('Add milk');
    const lines = [...document.querySelectorAll('[data-line]')].map((line) => [line.getAttribute('data-line'), line.querySelector('p')?.textContent]);
    expect(lines).toEqual([
      ['said', 'You: Add milk'],
      ['call', 'add to list: done'],
      ['answer', 'Answer: Milk is on — (interrupted)'],
    ]);
    const rows = screen.getAllByRole('term').map((term) => [term.textContent, term.nextElementSibling?.textContent]);
    expect(rows).toEqual(expect.arrayContaining([['Why', 'You said yes'], ['Sent', '"item": "milk"'], ['Came back', 'Added.'], ['Language model', 'large'], ['Made', 'by api.example.com']]));
    expect(rows.map(([label]) => label)).not.toContain('Speech recognition');
  });

  it('is deleted once that is confirmed, and then left', async () => {
    const { asked } = serve({ 'GET /api/history/c1': [200, CONVERSATION], 'DELETE /api/history/c1': [204, null] });
    const leave = vi.fn();
    render(<ConversationPage id="c1" leave={leave} />);
    await userEvent.click(await screen.findByRole('button', { name: 'Delete…' }));
    expect(asked).not.toContain('DELETE /api/history/c1');

    await userEvent.click(screen.getByRole('button', { name: 'Delete' }));

    await waitFor(() => expect(leave).toHaveBeenCalledOnce());
    expect(asked).toContain('DELETE /api/history/c1');
  });

  it('that is gone says so', async () => {
    serve({ 'GET /api/history/c1': [404, { error: { code: 'no_conversation', message: 'This conversation is not kept any more', remedy: 'It was deleted' } }] });

    render(<ConversationPage id="c1" />);

    expect(await screen.findByText('This conversation is not kept any more.')).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Delete…' })).toBeNull();
  });
});

it.each([
  ['allowed', 'done', 'done'],
  ['confirmed', null, 'under way'],
  ['confirmed', 'unknown', 'it was cut off, and nobody knows whether it was done'],
  ['not_confirmed', null, 'not called'],
  ['never', 'cancelled', 'not called'],
  ['allowed', 'odd', 'odd'],
])('a call that was %s and ended %s: %s', (decision, outcome, words) => {
  expect(became({ decision, outcome })).toBe(words);
});

it.each([
  ['{"item":"milk","list":"shopping"}', '"item": "milk",\n"list": "shopping"'],
  ['["a","b"]', '"a",\n"b"'],
  ['"Added."', 'Added.'],
  ['{}', ''],
  ['null', ''],
  ['n8n was gone', 'n8n was gone'],
])('%s is read as %s', (json, words) => {
  expect(readable(json)).toBe(words);
});
