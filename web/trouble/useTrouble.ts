'use client';

/** Gathers the conditions from the talk and the clock, and decides. */

import { useEffect, useState } from 'react';
import { lastSaid } from '@/conversation/thread';
import { readHealth, type Health, type Info } from '@/server/api';
import type { Talk } from '@/talk/useTalk';
import { isReady } from '@/talk/view';
import { awaitedStage } from './answer';
import { decide } from './decide';
import { browserOf } from './microphone';
import type { Trouble } from './trouble';

const TICK_MS = 500;
const ASK_HEALTH_AFTER_MS = 2_000;
const ASK_HEALTH_EVERY_MS = 3_000;

export interface Watch {
  now: number;
  trouble: Trouble | null;
  agentIsMissing: boolean;
}

export function useTrouble(talk: Talk, info: Info | null, name: string): Watch {
  const { state, view, microphone, thread } = talk;
  const ready = isReady(view.agent);
  // A tool takes as long as it takes, and is named while it does.
  const thinking = view.agent?.state === 'thinking' && view.agent.acting === null;
  const missing = state.phase === 'in-room' && !ready;
  // A clock that ticks for nothing draws the page for nothing.
  const now = useNow(missing || thinking || ['joining', 'resuming', 'waiting'].includes(state.phase));
  const thinkingSince = useSince(thinking);
  const agentMissingSince = useSince(missing);
  const agentWasHere = useOnce(ready, state.phase === 'idle');
  const missingFor = agentMissingSince === null ? 0 : now - agentMissingSince;
  const health = useHealth(missingFor >= ASK_HEALTH_AFTER_MS);
  // The server renders this page, too: it has neither.
  const browser = typeof navigator === 'undefined' ? 'other' : browserOf(navigator.userAgent);
  const port = typeof location === 'undefined' ? '' : location.port;
  const webrtc = typeof window === 'undefined' || 'RTCPeerConnection' in window || state.phase === 'idle';

  const trouble = decide({
    now,
    name,
    model: info?.model ?? null,
    browser,
    port,
    mediaPorts: info?.mediaPorts ?? null,
    webrtc,
    phase: state.phase,
    failure: 'failure' in state ? state.failure : state.phase === 'joining' ? state.after : null,
    resumingSince: state.phase === 'resuming' ? state.since : null,
    // Zero is past: it tries now.
    nextTryAt: 'nextTryAt' in state ? state.nextTryAt : state.phase === 'joining' ? 0 : null,
    microphone,
    agent: view.agent === null ? null : { thinkingSince, problem: view.agent.problem },
    agentMissingSince,
    agentWasHere,
    health,
    awaited: awaitedStage(thread),
    hasAsked: lastSaid(thread) !== null,
    canPlay: view.canPlay,
  });
  const agentIsMissing = trouble?.id === 'agent-missing' || trouble?.id === 'agent-gone';
  return { now, trouble, agentIsMissing };
}

function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    const tick = () => setNow(Date.now());
    const first = setTimeout(tick, 0);
    const timer = setInterval(tick, TICK_MS);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [running]);
  return now;
}

/** When `on` became true; `null` while it is false. */
function useSince(on: boolean): number | null {
  const [since, setSince] = useState<number | null>(null);
  useEffect(() => {
    if (!on) return;
    const timer = setTimeout(() => setSince(Date.now()), 0);
    return () => {
      clearTimeout(timer);
      setSince(null);
    };
  }, [on]);
  return since;
}

/** True from the first time that `on` was, until `reset`. */
function useOnce(on: boolean, reset: boolean): boolean {
  const [was, setWas] = useState(false);
  if (on && !was) setWas(true);
  if (reset && was && !on) setWas(false);
  return was;
}

/** Which part is missing, asked again while it matters. */
function useHealth(asking: boolean): Health | null {
  const [health, setHealth] = useState<Health | null>(null);
  useEffect(() => {
    if (!asking) return;
    let over = false;
    const ask = () =>
      void readHealth()
        .then((found) => {
          if (!over) setHealth(found);
        })
        .catch(() => undefined);
    ask();
    const timer = setInterval(ask, ASK_HEALTH_EVERY_MS);
    return () => {
      over = true;
      clearInterval(timer);
      setHealth(null);
    };
  }, [asking]);
  return health;
}
