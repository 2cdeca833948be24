import { act, renderHook } from '@testing-library/react';
import { useReducer } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { extend, type Thread } from '@/conversation/thread';
import { useHandOver } from './useHandOver';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Send = (text: string) => Promise<void>;

/** A thread in which words were typed, and whoever takes them: nobody at first. */
function typed(...words: string[]) {
  const before = words.reduce<Thread>((thread, text, index) => extend(thread, { kind: 'typed', id: String(index), text }), []);
  const { result, rerender } = renderHook(
    ({ send }: { send: Send | null }) => {
      const [thread, tell] = useReducer(extend, before);
      useHandOver(thread, send, tell);
      return thread;
    },
    { initialProps: { send: null as Send | null } },
  );
  return {
    wait: (milliseconds: number) => act(() => vi.advanceTimersByTimeAsync(milliseconds)),
    takenBy: (send: Send | null) => rerender({ send }),
    deliveries: () => result.current.map((line) => line.kind === 'said' && line.delivery),
  };
}

it('waits for somebody who takes the words, and keeps their order', async () => {
  const { takenBy, wait, deliveries } = typed('One', 'Two');
  await wait(10_000);
  expect(deliveries()).toEqual(['waiting', 'waiting']);

  const send = vi.fn<Send>().mockResolvedValue();
  takenBy(send);
  await wait(0);

  expect(send.mock.calls).toEqual([['One'], ['Two']]);
  expect(deliveries()).toEqual(['done', 'done']);
});

it('tries again what was not taken', async () => {
  const { takenBy, wait, deliveries } = typed('One');
  const send = vi.fn<Send>().mockRejectedValueOnce(new Error('closed')).mockResolvedValue();

  takenBy(send);
  await wait(0);
  expect(deliveries()).toEqual(['waiting']);
  await wait(1_000);

  expect(send).toHaveBeenCalledTimes(2);
  expect(deliveries()).toEqual(['done']);
});

it('tries again in the room of then, and never twice at once', async () => {
  const { takenBy, wait, deliveries } = typed('One');
  let refuse: (reason: Error) => void = () => undefined;
  const lost = vi.fn<Send>(() => new Promise((_, reject) => (refuse = reject)));
  const send = vi.fn<Send>().mockResolvedValue();

  takenBy(lost);
  takenBy(null);
  takenBy(send);
  await wait(5_000);
  expect(send).not.toHaveBeenCalled();
  refuse(new Error('closed'));
  await wait(1_000);

  expect(lost).toHaveBeenCalledOnce();
  expect(send).toHaveBeenCalledExactlyOnceWith('One');
  expect(deliveries()).toEqual(['done']);
});
