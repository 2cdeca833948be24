/** From the conditions to the one trouble that matters most, or none. Pure. */

import type { Problem } from '@/conversation/turn';
import type { Health, MediaPorts } from '@/server/api';
import type { Failure } from '@/talk/failure';
import type { Microphone } from '@/talk/microphone';
import { agentGone, agentMissing } from './agent';
import { answerLate, providerProblem, soundBlocked, type Stage } from './answer';
import { connectionFailed, resuming } from './connection';
import { microphoneTrouble, type Browser } from './microphone';
import type { Trouble } from './trouble';

export interface Conditions {
  /** Milliseconds since 1970, like every time here. */
  now: number;
  name: string;
  model: string | null;
  browser: Browser;
  /** Of the page's own address; empty where it is the usual one. */
  port: string;
  mediaPorts: MediaPorts | null;
  webrtc: boolean;
  phase: 'idle' | 'joining' | 'in-room' | 'resuming' | 'waiting' | 'failed';
  failure: Failure | null;
  resumingSince: number | null;
  nextTryAt: number | null;
  microphone: Microphone;
  agent: { thinkingSince: number | null; problem: Problem | null } | null;
  agentMissingSince: number | null;
  /** It was in this talk before. */
  agentWasHere: boolean;
  health: Health | null;
  /** By the agent, while it thinks. */
  awaited: Stage;
  /** Something that can be asked again. */
  hasAsked: boolean;
  canPlay: boolean;
}

/** A resume that succeeds sooner is not worth a word. */
const RESUME_IS_SLOW = 1_500;
const AGENT_IS_MISSING = 10_000;
const AGENT_IS_GONE = 1_500;
export const ANSWER_IS_LATE = 4_000;

export function decide(c: Conditions): Trouble | null {
  if (!c.webrtc) return unsupported();
  if (c.failure !== null) return connectionFailed(c.failure, c);
  if (c.phase === 'idle' || c.phase === 'joining') return null;
  if (c.phase === 'resuming') {
    return since(c.resumingSince, c.now) >= RESUME_IS_SLOW ? resuming(c) : null;
  }

  const missing = since(c.agentMissingSince, c.now);
  if (c.agentWasHere && missing >= AGENT_IS_GONE) return agentGone(c);
  if (!c.agentWasHere && missing >= AGENT_IS_MISSING) return agentMissing(c);
  if (!c.canPlay) return soundBlocked(c);
  if (c.agent?.problem) return providerProblem(c.agent.problem, c.hasAsked);
  if (since(c.agent?.thinkingSince ?? null, c.now) >= ANSWER_IS_LATE) return answerLate(c);
  return microphoneTrouble(c);
}

function since(start: number | null, now: number): number {
  return start === null ? -1 : now - start;
}

function unsupported(): Trouble {
  return {
    id: 'unsupported',
    what: 'This browser cannot hold a live conversation: it lacks WebRTC, or has it switched off.',
    todo: 'Open this page in a current Firefox, Chrome, Edge or Safari.',
    button: { label: 'Look again', does: 'reload' },
  };
}
