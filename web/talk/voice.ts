/** What the one shape shows. */

import type { Agent } from './view';
import type { TalkState } from './life';

export type Voice = 'idle' | 'connecting' | 'listening' | 'hearing' | 'thinking' | 'acting' | 'speaking' | 'trouble';

export function voiceOf(phase: TalkState<unknown>['phase'], agent: Agent | null, agentIsMissing: boolean): Voice {
  switch (phase) {
    case 'idle':
      return 'idle';
    case 'joining':
      return 'connecting';
    case 'waiting':
    case 'failed':
    case 'resuming':
      return 'trouble';
    case 'in-room':
      if (agentIsMissing) return 'trouble';
      if (agent === null || agent.state === 'connecting') return 'connecting';
      // Barge-in: the caller's voice matters more than the answer that is about to stop.
      if (agent.hearing) return 'hearing';
      return agent.acting !== null && agent.state !== 'speaking' ? 'acting' : agent.state;
  }
}

/** Beside the shape, for those who want words. */
export const VOICE_WORDS: Record<Voice, string> = {
  idle: '',
  connecting: 'Connecting',
  listening: 'Listening',
  hearing: 'Hearing you',
  thinking: 'Thinking',
  acting: 'Working',
  speaking: 'Speaking',
  trouble: '',
};
