import { render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { serve } from '@/server/server.testing';
import { progress } from './Progress';
import { ToolsPage } from './ToolsPage';

afterEach(() => vi.unstubAllGlobals());

const tool = (changes: object) => ({
  name: 'add_to_list',
  description: 'Adds an item to a list.',
  source: 'n8n',
  effect: 'changes',
  policy: 'ask',
  problem: null,
  last: [],
  ...changes,
});
const toolbox = (tools: object[], sources: object[] = []) => serve({ 'GET /api/tools': [200, { tools, sources }], 'GET /api/status': [200, { components: [] }] });

describe('the tools', () => {
  it('say what they do and may, and what they last did', async () => {
    toolbox([
      tool({ last: [{ at: '2026-03-05T08:00:00Z', decision: 'confirmed', outcome: 'done' }, { at: '2026-03-04T08:00:00Z', decision: 'not_confirmed', outcome: null }] }),
      tool({ name: 'clock', effect: 'reads', policy: 'allow' }),
      tool({ name: 'unlock-door', policy: 'never' }),
    ]);

    render(<ToolsPage />);

    expect((await screen.findAllByRole('heading', { level: 2 })).map((heading) => heading.textContent)).toEqual(['add to list', 'clock', 'unlock door']);
    expect(screen.getByText('Asks first')).toBeVisible();
    expect(screen.getByText('Without asking')).toBeVisible();
    expect(screen.getByText('Never')).toBeVisible();
    expect(screen.getByText('Only reads, n8n')).toBeVisible();
    const calls = [...document.querySelectorAll('details li')].map((call) => call.lastChild?.textContent);
    expect(calls).toEqual(['done', 'not called']);
  });

  it('that are broken are listed with the reason', async () => {
    toolbox([tool({ name: 'Broken', problem: 'has no sticky note named jex.', effect: null, policy: null, description: '' })]);

    render(<ToolsPage />);

    expect(await screen.findByText('Not offered: it has no sticky note named jex.')).toBeVisible();
    expect(screen.queryByText('Asks first')).toBeNull();
  });

  it('come from somewhere that may be away', async () => {
    toolbox([], [
      { name: 'n8n', state: 'away', message: 'n8n does not answer: connection refused.' },
      { name: 'jex', state: 'ready', message: '' },
    ]);

    render(<ToolsPage />);

    expect(await screen.findByText('n8n does not answer: connection refused.')).toBeVisible();
    expect(screen.getAllByTestId('source')).toHaveLength(1);
    expect(screen.getByText(/There are no tools yet/)).toBeVisible();
  });

  it('say how far n8n is', async () => {
    serve({
      'GET /api/tools': [503, { error: { code: 'agent_unreachable', message: 'The agent does not answer', remedy: 'Look at `jex status`' } }],
      'GET /api/status': [200, { components: [{ name: 'n8n', state: 'warming', detail: 'provisioning 4 of 9' }, { name: 'postgresql', state: 'ready', detail: null }] }],
    });

    render(<ToolsPage />);

    expect(await screen.findByText('n8n is being set up: provisioning 4 of 9.')).toBeVisible();
    expect(await screen.findByText('The agent does not answer.')).toBeVisible();
    expect(screen.queryByText(/PostgreSQL/)).toBeNull();
  });
});

it.each([
  ['ready', null],
  ['external', null],
  ['waiting', 'n8n is about to be started.'],
  ['starting', 'n8n is starting.'],
  ['warming', 'n8n is being set up.'],
  ['restarting', 'n8n ended and is started again.'],
  ['failed', 'n8n does not start; `jex logs n8n` says why.'],
  ['stopping', 'n8n is stopping.'],
])('n8n that is %s: %s', (state, words) => {
  expect(progress({ name: 'n8n', state, detail: '' })).toBe(words);
});

it.each([
  ['waiting', 'being installed', 'n8n is being installed.'],
  ['waiting', 'PostgreSQL first', 'n8n is about to be started: PostgreSQL first.'],
  ['failed', 'n8n is missing. Run `./dev parts`.', 'n8n does not start: n8n is missing. Run `./dev parts`.'],
  ['failed', 'it ended five times', 'n8n does not start: it ended five times.'],
])('n8n that is %s, with more to say: %s', (state, detail, words) => {
  expect(progress({ name: 'n8n', state, detail })).toBe(words);
});
