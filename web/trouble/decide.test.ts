import { describe, expect, it } from 'vitest';
import type { Failure } from '@/talk/failure';
import type { Line } from '@/conversation/thread';
import { awaitedStage, type Stage } from './answer';
import { decide, type Conditions } from './decide';
import { browserOf } from './microphone';

const NOW = 100_000;
const well: Conditions = {
  now: NOW,
  name: 'JEX',
  model: 'jex-demo',
  browser: 'chromium',
  port: '3100',
  mediaPorts: null,
  webrtc: true,
  phase: 'in-room',
  failure: null,
  resumingSince: null,
  nextTryAt: null,
  microphone: 'on',
  agent: { thinkingSince: null, problem: null },
  agentMissingSince: null,
  agentWasHere: true,
  health: null,
  awaited: 'llm',
  hasAsked: true,
  canPlay: true,
};
const when = (changes: Partial<Conditions>) => decide({ ...well, ...changes });

it('says nothing while all is well', () => {
  expect(when({})).toBeNull();
  expect(when({ phase: 'idle', agent: null, microphone: 'off' })).toBeNull();
  expect(when({ phase: 'joining', agent: null, microphone: 'off' })).toBeNull();
});

describe('patience', () => {
  it.each([
    ['a resume', { phase: 'resuming', resumingSince: NOW - 1_499 }, { phase: 'resuming', resumingSince: NOW - 1_500 }, 'resuming'],
    ['an agent that comes', { agent: null, agentWasHere: false, agentMissingSince: NOW - 9_999 }, { agent: null, agentWasHere: false, agentMissingSince: NOW - 10_000 }, 'agent-missing'],
    ['an agent that comes back', { agent: null, agentMissingSince: NOW - 1_499 }, { agent: null, agentMissingSince: NOW - 1_500 }, 'agent-gone'],
    ['an answer', { agent: { thinkingSince: NOW - 3_999, problem: null } }, { agent: { thinkingSince: NOW - 4_000, problem: null } }, 'answer-late'],
  ] as [string, Partial<Conditions>, Partial<Conditions>, string][])('with %s ends', (_, before, after, id) => {
    expect(when(before)).toBeNull();
    expect(when(after)?.id).toBe(id);
  });
});

describe('the part that is missing', () => {
  const missing = (health: Conditions['health']) => when({ agent: null, agentWasHere: false, agentMissingSince: 0, health })?.what;

  it('is named', () => {
    expect(missing({ livekit: 'unreachable', agent: 'ready' })).toContain('LiveKit does not answer');
    expect(missing({ livekit: 'ready', agent: 'unreachable' })).toContain('the agent is not running');
    expect(missing({ livekit: 'ready', agent: 'registering' })).toContain('not yet registered');
    expect(missing({ livekit: 'ready', agent: 'ready' })).toContain('being called in');
    expect(missing(null)).toContain('asking');
  });
});

describe('a late answer', () => {
  const late = (awaited: Stage) => when({ agent: { thinkingSince: 0, problem: null }, awaited })?.what;

  it('says what it waits for', () => {
    expect(late('stt')).toContain('speech recognition');
    expect(late('llm')).toContain('the language model (jex-demo)');
    expect(late('tts')).toContain('its voice');
  });

  const said = (final: boolean): Line => ({ kind: 'said', key: 's', text: 'Why?', final, delivery: 'done' });
  const answer: Line = { kind: 'answer', key: 'a', segments: [{ id: 'S', text: 'Because.' }], state: 'finished', turn: null };
  const unheard: Line = { kind: 'answer', key: 'u', segments: [], state: 'interrupted', turn: null };
  const remark: Line = { kind: 'remark', key: 'r', text: 'A new conversation.' };
  const unsent: Line = { kind: 'said', key: 'n', text: 'Hello?', final: true, delivery: 'unsent' };

  it.each([
    ['a greeting', [], 'tts'],
    ['a greeting below what was never sent', [unsent], 'tts'],
    ['a greeting in a new conversation', [answer, said(true), answer, remark], 'tts'],
    ['words that recognition has not given at all', [answer], 'stt'],
    ['words that recognition has not finished', [answer, said(false)], 'stt'],
    ['words that are understood', [answer, said(true)], 'llm'],
    ['words that joined those before', [said(true), unheard], 'llm'],
  ] as [string, Line[], Stage][])('after %s', (_, thread, stage) => {
    expect(awaitedStage(thread)).toBe(stage);
  });
});

describe('what matters most comes first', () => {
  const everything: Partial<Conditions> = {
    microphone: 'denied',
    canPlay: false,
    agent: { thinkingSince: 0, problem: { stage: 'llm', message: 'gone', remedy: '' } },
  };

  it('from the browser to the microphone', () => {
    expect(when({ ...everything, webrtc: false })?.id).toBe('unsupported');
    expect(when({ ...everything, failure: { kind: 'livekit-gone' } })?.id).toBe('livekit-gone');
    expect(when({ ...everything, agentMissingSince: 0 })?.id).toBe('agent-gone');
    expect(when(everything)?.id).toBe('sound-blocked');
    expect(when({ ...everything, canPlay: true })?.id).toBe('problem-llm');
    expect(when({ microphone: 'denied', agent: { thinkingSince: 0, problem: null } })?.id).toBe('answer-late');
    expect(when({ microphone: 'denied' })?.id).toBe('microphone-denied');
  });
});

const FAILURES: Failure[] = [
  { kind: 'page-server-gone' },
  { kind: 'refused', message: '', remedy: '', retry: true },
  { kind: 'refused', message: 'too many', remedy: 'wait', retry: false },
  { kind: 'livekit-gone' },
  { kind: 'token-rejected' },
  { kind: 'no-media-path', online: true },
  { kind: 'no-media-path', online: false },
  { kind: 'ended-by-server' },
  { kind: 'elsewhere' },
  { kind: 'page-incomplete' },
  { kind: 'unknown', message: '' },
];
const TROUBLES: [string, Partial<Conditions>][] = [
  ...FAILURES.map((failure, index): [string, Partial<Conditions>] => [`${failure.kind} ${index}`, { failure }]),
  ...(['denied', 'absent', 'busy', 'insecure', 'unsupported'] as const).map((microphone): [string, Partial<Conditions>] => [microphone, { microphone }]),
  ...(['chromium', 'firefox', 'safari', 'other'] as const).map((browser): [string, Partial<Conditions>] => [`denied in ${browser}`, { microphone: 'denied', browser }]),
  ...['stt', 'llm', 'tts', 'something new'].map((stage): [string, Partial<Conditions>] => [
    `problem of ${stage}`,
    { agent: { thinkingSince: null, problem: { stage, message: 'it is gone', remedy: '' } } },
  ]),
  ['no WebRTC', { webrtc: false }],
  ['sound', { canPlay: false }],
  ['late', { agent: { thinkingSince: 0, problem: null } }],
  ['resuming', { phase: 'resuming', resumingSince: 0 }],
  ['agent missing', { agentMissingSince: 0, agentWasHere: false }],
  ['agent gone', { agentMissingSince: 0 }],
];

describe('every trouble', () => {
  it.each(TROUBLES)('is two sentences and a button: %s', (_, changes) => {
    const trouble = when(changes);

    for (const text of [trouble?.what, trouble?.todo]) {
      expect(text).toMatch(/^[A-Z`].*[.]$/);
      // Never a bare code.
      expect(text).not.toMatch(/undefined|null|\b[45]\d\d\b|Error/);
    }
    expect(trouble?.button.label).toMatch(/^[A-Z]/);
  });
});

it('passes on when the next try is', () => {
  expect(when({ phase: 'waiting', failure: { kind: 'livekit-gone' }, nextTryAt: NOW + 4_000 })?.nextTryAt).toBe(NOW + 4_000);
});

describe('a remedy', () => {
  const problem = (stage: string, hasAsked: boolean) => when({ agent: { thinkingSince: null, problem: { stage, message: 'gone', remedy: '' } }, hasAsked });

  it('names the log of the part that is wrong', () => {
    expect(problem('stt', true)?.todo).toContain('`jex logs whisper`');
    expect(problem('llm', true)?.todo).toContain('`jex logs ollama`');
    expect(problem('tts', true)?.todo).toContain('`jex logs piper`');
  });

  it('goes on with the conversation', () => {
    expect(problem('stt', true)?.button.does).toBe('type');
    expect(problem('llm', true)?.button.does).toBe('ask-again');
    expect(problem('tts', true)?.button.does).toBe('ask-again');
    expect(problem('tts', false)?.button.does).toBe('type');
  });

  it('names the ports that this LiveKit has, and none of another', () => {
    const blocked = (mediaPorts: Conditions['mediaPorts']) => when({ failure: { kind: 'no-media-path', online: true }, mediaPorts })?.todo;

    expect(blocked({ udpFirst: 60_000, udpLast: 60_100, tcp: 60_101 })).toContain('UDP ports (60000 to 60100) or TCP port 60101');
    expect(blocked(null)).not.toMatch(/\d/);
  });

  it('names the address that this page has on the machine itself', () => {
    expect(when({ microphone: 'insecure' })?.todo).toContain('http://localhost:3100 ');
    expect(when({ microphone: 'insecure', port: '' })?.todo).toContain('http://localhost ');
  });
});

it('points at jex ask where browsers cannot help', () => {
  expect(when({ failure: { kind: 'no-media-path', online: false } })?.todo).toContain('`jex ask`');
});

it.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'firefox'],
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36', 'chromium'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15', 'safari'],
  ['curl/8', 'other'],
] as const)('%s is %s', (userAgent, browser) => {
  expect(browserOf(userAgent)).toBe(browser);
});
