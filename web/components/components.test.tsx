import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import type { Thread } from '@/conversation/thread';
import type { Turn } from '@/conversation/turn';
import { ServerGone, ServerSlow } from '@/server/api';
import type { Trouble } from '@/trouble/trouble';
import { TroubleCard } from '@/trouble/TroubleCard';
import { Announcer } from './Announcer';
import { AnswerDetails, duration } from './AnswerDetails';
import { Conversation } from './Conversation';
import { Failure } from './Failure';
import { Header } from './Header';
import { Menu } from './Menu';
import { TextField } from './TextField';
import { KEYS } from './useKeys';
import { Welcome } from './Welcome';

const TURN: Turn = {
  turnId: 'T1',
  answerId: 'A1',
  answer: 'Paris.',
  interrupted: false,
  madeWhere: 'on this machine',
  providers: { stt: 'Whisper tiny.en', llm: 'jex-demo' },
  stages: { speech_end_to_final: 640, speech_end_to_first_audio: 1_230 },
  problem: null,
  calls: [],
};
const INFO = { assistantName: 'Ada', language: 'en', model: 'jex-demo', modelIsDemo: true, madeWhere: 'on this machine', version: '0.1.0', mediaPorts: null, keepsHistory: false };

describe('the conversation', () => {
  const said = { kind: 'said', text: 'Hi', final: true } as const;
  const thread: Thread = [
    { kind: 'said', key: '1', text: 'Capital of France?', final: true, delivery: 'done' },
    { kind: 'answer', key: '2', segments: [{ id: 'S', text: 'Paris.' }], state: 'finished', turn: TURN },
    { kind: 'said', key: '3', text: 'And of', final: false, delivery: 'done' },
    { kind: 'answer', key: '4', segments: [], state: 'interrupted', turn: null },
    { kind: 'answer', key: '5', segments: [{ id: 'S', text: 'Mad' }], state: 'interrupted', turn: null },
    { kind: 'remark', key: '6', text: 'A new conversation.' },
  ];

  it('says who said what, leaves out what nobody heard, and marks what was cut short', () => {
    render(<Conversation thread={thread} name="Ada" />);

    expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual([
      'You: Capital of France?',
      expect.stringMatching(/^Ada: Paris\./),
      'You: And of',
      'Ada: Mad — (interrupted)',
      'A new conversation.',
    ]);
  });

  it('is lighter while recognition may change it', () => {
    const { container } = render(<Conversation thread={thread} name="Ada" />);

    expect(container.querySelector('[data-final=false]')).toHaveClass('text-quiet');
    expect(container.querySelector('[data-final=true]')).toHaveClass('text-accent');
  });

  it('says of typed words whether they arrived', () => {
    render(<Conversation thread={[{ ...said, key: '1', delivery: 'waiting' }, { ...said, key: '2', delivery: 'unsent' }]} name="Ada" />);

    expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual(['You: HiWaits until Ada is there', 'You: HiNot sent: you left before Ada was there']);
  });

  it('is nothing before anything is said', () => {
    const { container } = render(<Conversation thread={[]} name="Ada" />);

    expect(container).toBeEmptyDOMElement();
  });

  it('is read out an answer at a time, once it is whole', () => {
    const { rerender } = render(<Announcer thread={thread.slice(0, 2)} name="Ada" />);
    expect(screen.getByTestId('announcer')).toHaveTextContent('Ada: Paris.');

    rerender(<Announcer thread={[{ kind: 'answer', key: '2', segments: [{ id: 'S', text: 'Par' }], state: 'speaking', turn: null }]} name="Ada" />);
    expect(screen.getByTestId('announcer')).toBeEmptyDOMElement();
  });
});

describe('how an answer was made', () => {
  it('lists the stages that happened and who did them', () => {
    render(<AnswerDetails turn={{ ...TURN, calls: [{ tool: 'add_to_list', outcome: 'done' }], problem: { stage: 'tts', message: 'Piper was gone.', remedy: 'It spoke with espeak-ng.' } }} />);

    const rows = screen.getAllByRole('term').map((term) => [term.textContent, term.nextElementSibling?.textContent]);
    expect(rows).toEqual([
      ['Understanding your words', '640 ms'],
      ['From your last word to the first sound', '1.2 s'],
      ['Tool: add to list', 'done'],
      ['Speech recognition', 'Whisper tiny.en'],
      ['Language model', 'jex-demo'],
      ['Made', 'on this machine'],
      ['What went wrong', 'Piper was gone. It spoke with espeak-ng.'],
    ]);
  });

  it('counts in milliseconds up to a second', () => {
    expect([0, 999, 1_000, 12_340].map(duration)).toEqual(['0 ms', '999 ms', '1.0 s', '12.3 s']);
  });

  it('stands at the top after the first answer', () => {
    const { rerender } = render(<Header name="Ada" madeWhere={null} />);
    expect(screen.queryByText(/on this machine/)).toBeNull();

    rerender(<Header name="Ada" madeWhere="on this machine" />);
    expect(screen.getByText('on this machine')).toBeVisible();

    rerender(<Header name="Ada" madeWhere="api.example.com" />);
    expect(screen.getByText('by api.example.com')).toBeVisible();
  });
});

describe('a trouble', () => {
  const trouble: Trouble = { id: 'livekit-gone', what: 'LiveKit is gone.', todo: 'Look at `jex status`.', button: { label: 'Try now', does: 'try-now' }, nextTryAt: 14_200 };

  it('is an alert, and its count-down is not', () => {
    render(<TroubleCard trouble={trouble} alone={false} now={10_000} onRemedy={() => undefined} />);

    const alert = screen.getByRole('alert');
    expect(alert).toHaveTextContent('LiveKit is gone.Look at jex status.');
    expect(within(alert).getByText('jex status').tagName).toBe('CODE');
    expect(alert).not.toContainElement(screen.getByText('Next try in 5 s'));
  });

  it('has a button that does what it says', async () => {
    const onRemedy = vi.fn();
    render(<TroubleCard trouble={trouble} alone now={20_000} onRemedy={onRemedy} />);
    expect(screen.getByText('Trying now')).toBeVisible();

    await userEvent.click(screen.getByRole('button', { name: 'Try now' }));

    expect(onRemedy).toHaveBeenCalledExactlyOnceWith('try-now');
  });

  it('leaves its live region behind', () => {
    render(<TroubleCard trouble={null} alone={false} now={0} onRemedy={() => undefined} />);

    expect(screen.getByRole('alert')).toBeEmptyDOMElement();
    expect(screen.queryByRole('button')).toBeNull();
  });
});

describe('typing', () => {
  it('sends with Enter, not what is blank, and keeps lines with Shift', async () => {
    const onSend = vi.fn();
    render(<TextField name="Ada" onSend={onSend} ref={null} />);
    const field = screen.getByLabelText('Type to Ada');

    await userEvent.type(field, '   {Enter}');
    await userEvent.clear(field);
    await userEvent.type(field, 'One{Shift>}{Enter}{/Shift}two {Enter}');

    expect(onSend.mock.calls).toEqual([['One\ntwo']]);
    expect(field).toHaveValue('');
  });

  it('sends with the button', async () => {
    const onSend = vi.fn();
    render(<TextField name="Ada" onSend={onSend} ref={null} />);
    expect(screen.getByRole('button', { name: 'Send' })).toBeDisabled();

    await userEvent.type(screen.getByLabelText('Type to Ada'), 'Hi');
    await userEvent.click(screen.getByRole('button', { name: 'Send' }));

    expect(onSend).toHaveBeenCalledExactlyOnceWith('Hi');
  });
});

describe('what one should know', () => {
  it('is said before the first word', () => {
    render(<Welcome name="Ada" info={INFO} talking={false} />);

    expect(screen.getByText(/135 million parameters, English only/)).toBeVisible();
    expect(screen.getByText(/Nothing of a conversation is stored/)).toBeVisible();
  });

  it('calls no other model a demo', () => {
    render(<Welcome name="Ada" info={{ ...INFO, modelIsDemo: false }} talking={false} />);

    expect(screen.queryByText(/demo/)).toBeNull();
    expect(screen.getByText(/Nothing of a conversation is stored/)).toBeVisible();
  });

  it('is another thing where what is said is kept', () => {
    render(<Welcome name="Ada" info={{ ...INFO, keepsHistory: true }} talking={false} />);

    expect(screen.getByText(/kept on the machine that JEX runs on/)).toBeVisible();
    expect(screen.queryByText(/Nothing of a conversation is stored/)).toBeNull();
  });

  it('is in the menu, with every key', async () => {
    const onClose = vi.fn();
    render(<Menu open name="Ada" info={INFO} talking={false} onClose={onClose} />);

    expect(screen.getByRole('dialog', { name: 'Menu' })).toBeVisible();
    for (const { key } of KEYS) expect(screen.getByText(key)).toBeVisible();
    expect(screen.getByText(/model jex-demo, on this machine\. Version 0\.1\.0/)).toBeVisible();

    await userEvent.click(screen.getByRole('button', { name: 'Close' }));
    expect(onClose).toHaveBeenCalledOnce();
  });

  it.each([false, true])('leads to the other pages, beside a talk if there is one: %s', (talking) => {
    render(<Menu open name="Ada" info={INFO} talking={talking} onClose={() => undefined} />);

    const links = within(screen.getByRole('navigation', { name: 'Pages' })).getAllByRole('link');
    expect(links.map((link) => [link.getAttribute('href'), link.getAttribute('target')])).toEqual([
      ['/history', talking ? '_blank' : null],
      ['/tools', talking ? '_blank' : null],
    ]);
  });

  it('names the provider elsewhere', () => {
    render(<Menu open name="Ada" info={{ ...INFO, model: 'large', madeWhere: 'api.example.com' }} talking={false} onClose={() => undefined} />);

    expect(screen.getByText(/model large, by api\.example\.com\. Version/)).toBeVisible();
  });
});

it.each([
  ['gone', new ServerGone('refused'), 'JEX does not answer: the server of this page is gone.', /^Start it with jex up/],
  ['slow', new ServerSlow('late'), 'JEX takes long to answer.', /^Wait a moment and try again/],
])('a server that is %s is said to be so', (_, failure, what, todo) => {
  render(<Failure failure={failure} />);

  expect(screen.getByText(what).nextSibling).toHaveTextContent(todo);
});
