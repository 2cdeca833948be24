'use client';

import type { RemoteTrack } from 'livekit-client';
import { useEffect, useState } from 'react';

/**
 * An agent sends sound all the time, silence too: by DTX at least every 400 ms. LiveKit needs 20 s to notice that one was
 * killed (measured on 1.13.1); here it is noticed when nothing has come for this long.
 */
const DEAD_AFTER_MS = 4_000;
const EVERY_MS = 1_000;

/**
 * Nothing comes from a sender that `isOpen` (there, not muted, and heard: what a browser does not play it does not count);
 * `track` is undefined until the browser has it.
 */
export function useSilentSender(isOpen: boolean, track: RemoteTrack | undefined): boolean {
  const [silent, setSilent] = useState(false);
  const receiver = track?.receiver;

  useEffect(() => {
    if (!isOpen) return;
    let last = Date.now();
    let heard = '';
    const timer = setInterval(() => {
      // Compared with itself: browsers do not agree on the clock of `timestamp`.
      const newest = receiver?.getSynchronizationSources().map(({ rtpTimestamp }) => rtpTimestamp).join() ?? '';
      if (newest !== heard) last = Date.now();
      heard = newest;
      setSilent(Date.now() - last > DEAD_AFTER_MS);
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      setSilent(false);
    };
  }, [isOpen, receiver]);

  return silent;
}
