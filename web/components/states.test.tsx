import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Talk } from '@/talk/useTalk';
import { EMPTY_VIEW } from '@/talk/view';
import { VOICE_WORDS, type Voice } from '@/talk/voice';
import { Bar } from './Bar';
import { drawVoice, restsFor } from './draw-voice';
import { VoiceRow } from './VoiceRow';

// jsdom draws nothing and measures nothing; real pictures are in tests/browser.
beforeEach(() => {
  HTMLCanvasElement.prototype.getContext = () => null;
});

function talkWith(changes: Partial<Talk>): Talk {
  return {
    state: { phase: 'idle' },
    view: EMPTY_VIEW,
    thread: [],
    microphone: 'off',
    livekit: null,
    onView: vi.fn(),
    begin: vi.fn(),
    beginAgain: vi.fn(),
    tryNow: vi.fn(),
    leave: vi.fn(),
    type: vi.fn(),
    askAgain: vi.fn(),
    toggleMicrophone: vi.fn(),
    openMicrophone: vi.fn(),
    chooseMicrophone: vi.fn(),
    stopAnswer: vi.fn(),
    answerQuestion: vi.fn(),
    playSound: vi.fn(),
    ...changes,
  };
}

const bar = (talk: Talk, talking: boolean) => <Bar talk={talk} talking={talking} name="Ada" field={{ current: null }} onMenu={() => undefined} />;

describe('the bar', () => {
  it('before a talk has Talk, and no microphone', async () => {
    const talk = talkWith({});
    render(bar(talk, false));
    expect(screen.queryByRole('button', { name: /microphone/ })).toBeNull();

    await userEvent.click(screen.getByRole('button', { name: 'Talk' }));

    expect(talk.begin).toHaveBeenCalledExactlyOnceWith(true);
  });

  it('in a talk gives the key that pressed Talk to Mute, not to Leave', async () => {
    const talk = talkWith({ microphone: 'on' });
    const { rerender } = render(bar(talk, false));
    await userEvent.click(screen.getByRole('button', { name: 'Talk' }));
    rerender(bar(talk, true));

    expect(screen.getByRole('button', { name: 'Mute the microphone' })).toHaveFocus();
    await userEvent.keyboard(' ');

    expect(talk.toggleMicrophone).toHaveBeenCalledOnce();
    expect(talk.leave).not.toHaveBeenCalled();
  });

  it.each([
    ['on', 'Mute the microphone'],
    ['muted', 'Open the microphone'],
    ['denied', 'Open the microphone'],
    ['off', 'Open the microphone'],
  ] as const)('names what its button does when the microphone is %s', (microphone, name) => {
    render(bar(talkWith({ microphone }), true));

    expect(screen.getByRole('button', { name })).toBeVisible();
  });

  it('leaves', async () => {
    const talk = talkWith({ microphone: 'on' });
    render(bar(talk, true));

    await userEvent.click(screen.getByRole('button', { name: 'Leave' }));

    expect(talk.leave).toHaveBeenCalledOnce();
  });
});

describe('the voice', () => {
  const acting = (tools: readonly string[], says = '') => ({ tools, says, since: '2026-11-28T10:00:00Z' });
  const voices = Object.keys(VOICE_WORDS) as Voice[];

  it.each(voices)('shows %s, with words beside it', (voice) => {
    const { container } = render(<VoiceRow voice={voice} acting={null} large={false} track={null} onStop={() => undefined} />);

    expect(container.querySelector('canvas')).toHaveAttribute('data-voice', voice);
    expect(screen.getByTestId('voice-words')).toHaveTextContent(VOICE_WORDS[voice]);
    expect(screen.queryAllByRole('button', { name: 'Stop' })).toHaveLength(voice === 'speaking' ? 1 : 0);
  });

  it('names the tools that run, and stops them', async () => {
    const onStop = vi.fn();
    render(<VoiceRow voice="acting" acting={acting(['add_to_list', 'get-weather'])} large track={null} onStop={onStop} />);
    expect(screen.getByTestId('voice-words')).toHaveTextContent('Working: add to list, get weather');

    await userEvent.click(screen.getByRole('button', { name: 'Stop' }));

    expect(onStop).toHaveBeenCalledOnce();
  });

  it('tells what a tool says, or how long it has been running', () => {
    vi.useFakeTimers();
    try {
      const row = (says: string) => <VoiceRow voice="acting" acting={acting(['add_to_list'], says)} large track={null} onStop={() => undefined} />;
      const { rerender } = render(row(''));
      expect(screen.queryByTestId('progress-of-tool')).toBeNull();

      act(() => void vi.advanceTimersByTime(5_000));
      expect(screen.getByTestId('progress-of-tool')).toHaveTextContent('5 s');

      rerender(row('half of it'));
      expect(screen.getByTestId('progress-of-tool')).toHaveTextContent('half of it');
    } finally {
      vi.useRealTimers();
    }
  });

  /** Everything that is drawn, as calls. */
  function drawn(voice: Voice, time: number, level: number, still: boolean): string {
    const calls: unknown[] = [];
    const context = new Proxy({ strokeStyle: '#000' } as Record<string, unknown>, {
      get: (target, name: string) => target[name] ?? ((...args: unknown[]) => calls.push([name, ...args])),
      set: (target, name: string, value) => {
        calls.push([name, value]);
        target[name] = value;
        return true;
      },
    });
    drawVoice(context as unknown as CanvasRenderingContext2D, 100, { voice, time, level, still });
    return JSON.stringify(calls);
  }

  it('has one shape for each state', () => {
    expect(new Set(voices.map((voice) => drawn(voice, 1, 0.5, false))).size).toBe(voices.length);
  });

  it.each(['listening', 'thinking', 'acting', 'connecting', 'speaking', 'hearing'] as const)('moves while %s', (voice) => {
    expect(drawn(voice, 1, 0.5, false)).not.toBe(drawn(voice, 2, 0.5, false));
  });

  it('rests between the steps of acting, and is drawn as it rests', () => {
    const moment = (time: number) => ({ voice: 'acting' as const, time, level: 0, still: false });
    expect(restsFor(moment(7.2))).toBe(0);
    const rest = restsFor(moment(7.5));
    expect(rest).toBeCloseTo(0.5);
    expect(drawn('acting', 7.5, 0, false)).toBe(drawn('acting', 7.5 + rest - 0.001, 0, false));
    expect(drawn('acting', 7.5, 0, false)).not.toBe(drawn('acting', 7.5 + rest + 0.1, 0, false));
    expect(restsFor({ ...moment(7.5), voice: 'listening' })).toBe(0);
  });

  it.each(['idle', 'trouble'] as const)('stands still in %s', (voice) => {
    expect(drawn(voice, 1, 0, false)).toBe(drawn(voice, 2, 0, false));
  });

  it.each(voices)('stands still in %s where motion is not wanted', (voice) => {
    expect(drawn(voice, 1, 0.5, true)).toBe(drawn(voice, 2, 0.5, true));
  });

  it.each(['speaking', 'hearing'] as const)('follows the level while %s', (voice) => {
    expect(drawn(voice, 1, 0.1, false)).not.toBe(drawn(voice, 1, 0.9, false));
  });
});
