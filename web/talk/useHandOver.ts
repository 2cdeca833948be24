'use client';

import { useEffect, useReducer, useRef } from 'react';
import { nextWaiting, type Thread, type ThreadEvent } from '@/conversation/thread';

const AGAIN_MS = 1_000;

/** Hands the words that wait in the thread over, in their order, until each is taken. `send` is `null` while nobody takes any. */
export function useHandOver(thread: Thread, send: ((text: string) => Promise<void>) | null, tell: (event: ThreadEvent) => void) {
  const sending = useRef(false);
  const [round, next] = useReducer((count: number) => count + 1, 0);
  const waiting = nextWaiting(thread);

  useEffect(() => {
    // One at a time: what is on its way when the room changes is not sent twice.
    if (waiting === null || send === null || sending.current) return;
    sending.current = true;
    const done = () => {
      sending.current = false;
      next();
    };
    send(waiting.text).then(
      () => {
        tell({ kind: 'handed-over', key: waiting.key });
        done();
      },
      () => setTimeout(done, AGAIN_MS),
    );
  }, [waiting, send, tell, round]);
}
