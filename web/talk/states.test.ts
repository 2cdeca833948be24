import { describe, expect, it } from 'vitest';
import { delayBefore, resumeDelay, SAME_SESSION_FOR } from './backoff';
import { visible } from './level';
import { microphoneAfter, microphoneMissing } from './microphone';
import { agentState, isReady, type Agent } from './view';
import { voiceOf } from './voice';

const agent = (changes: Partial<Agent> = {}): Agent => ({ identity: 'a', state: 'listening', hearing: false, problem: null, question: null, acting: null, silent: false, audio: null, ...changes });

describe('the voice', () => {
  it.each([
    ['idle', null, 'idle'],
    ['joining', null, 'connecting'],
    ['in-room', null, 'connecting'],
    ['in-room', agent({ state: 'connecting' }), 'connecting'],
    ['in-room', agent(), 'listening'],
    ['in-room', agent({ state: 'thinking' }), 'thinking'],
    ['in-room', agent({ state: 'speaking' }), 'speaking'],
    ['in-room', agent({ state: 'speaking', hearing: true }), 'hearing'],
    ['in-room', agent({ state: 'thinking', acting: { tools: ['add_to_list'], says: '', since: '' } }), 'acting'],
    ['in-room', agent({ acting: { tools: ['add_to_list'], says: '', since: '' } }), 'acting'],
    ['in-room', agent({ state: 'speaking', acting: { tools: ['add_to_list'], says: '', since: '' } }), 'speaking'],
    ['in-room', agent({ hearing: true, acting: { tools: ['add_to_list'], says: '', since: '' } }), 'hearing'],
    ['resuming', agent(), 'trouble'],
    ['waiting', null, 'trouble'],
    ['failed', null, 'trouble'],
  ] as const)('%s', (phase, who, voice) => {
    expect(voiceOf(phase, who, false)).toBe(voice);
  });

  it('stands still while nobody comes', () => {
    expect(voiceOf('in-room', null, true)).toBe('trouble');
  });
});

it('an agent that knows of nobody, or says nothing, is not ready', () => {
  expect(agentState('idle')).toBe('connecting');
  expect(agentState('initializing')).toBe('connecting');
  expect(isReady(agent({ state: agentState(undefined) }))).toBe(false);
  expect(isReady(null)).toBe(false);
  expect(isReady(agent({ silent: true }))).toBe(false);
  expect(isReady(agent())).toBe(true);
});

describe('the microphone', () => {
  it.each([
    ['NotAllowedError', 'denied'],
    ['NotFoundError', 'absent'],
    ['OverconstrainedError', 'absent'],
    ['NotReadableError', 'busy'],
    ['AbortError', 'busy'],
  ])('%s', (name, microphone) => {
    expect(microphoneAfter(new DOMException('no', name))).toBe(microphone);
  });

  it('needs a secure page and a browser that has one', () => {
    const devices = { getUserMedia: () => undefined } as unknown as MediaDevices;
    const view = (isSecureContext: boolean, mediaDevices?: MediaDevices) => ({ isSecureContext, navigator: { mediaDevices } as Navigator });

    expect(microphoneMissing(view(false))).toBe('insecure');
    expect(microphoneMissing(view(true))).toBe('unsupported');
    expect(microphoneMissing(view(true, devices))).toBeNull();
  });
});

it('waits longer each time, but never long', () => {
  expect([0, 1, 2, 3, 4, 50].map(delayBefore)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  expect(resumeDelay(0, 0)).toBe(0);
  expect(resumeDelay(40, SAME_SESSION_FOR - 1)).toBe(5_000);
  expect(resumeDelay(41, SAME_SESSION_FOR + 1)).toBeNull();
});

it('shows loudness as the ear hears it', () => {
  expect(visible(0)).toBe(0);
  expect(visible(0.001)).toBe(0);
  expect(visible(1)).toBe(1);
  expect(visible(10 ** (-30 / 20))).toBeCloseTo(0.5);
});
