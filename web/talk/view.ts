/** What the room knows, as the page shows it. */

import type { Acting, Question } from '@/conversation/question';
import type { Problem } from '@/conversation/turn';

export type AgentState = 'connecting' | 'listening' | 'thinking' | 'speaking';

export interface Agent {
  identity: string;
  state: AgentState;
  /** The agent hears the caller speak. */
  hearing: boolean;
  problem: Problem | null;
  /** What it wants to hear yes or no to. */
  question: Question | null;
  /** The tools that run for it. */
  acting: Acting | null;
  /** Still in the room, as LiveKit believes, but nothing comes from it any more. */
  silent: boolean;
  audio: MediaStreamTrack | null;
}

export interface RoomView {
  agent: Agent | null;
  /** The published microphone, muted or not. */
  microphone: { track: MediaStreamTrack; muted: boolean } | null;
  microphones: readonly { id: string; label: string }[];
  chosenMicrophone: string;
  /** False while the browser waits for a press before it plays sound. */
  canPlay: boolean;
}

export const EMPTY_VIEW: RoomView = {
  agent: null,
  microphone: null,
  microphones: [],
  chosenMicrophone: 'default',
  canPlay: true,
};

/** Of `lk.agent.state`; an agent that is `idle` does not know yet that somebody is there, and takes no words. */
export function agentState(attribute: string | undefined): AgentState {
  switch (attribute) {
    case 'listening':
    case 'thinking':
    case 'speaking':
      return attribute;
    default:
      return 'connecting';
  }
}

/** It takes typed words only once it listens. */
export function isReady(agent: Agent | null): agent is Agent {
  return agent !== null && agent.state !== 'connecting' && !agent.silent;
}
