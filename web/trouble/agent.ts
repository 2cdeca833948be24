import type { Health } from '@/server/api';
import type { Trouble } from './trouble';

interface Context {
  name: string;
  health: Health | null;
}

const beginAgain = { label: 'Start afresh', does: 'begin-again' } as const;

/** Talk was pressed, and nobody came. */
export function agentMissing({ name, health }: Context): Trouble {
  return {
    id: 'agent-missing',
    what: `You are connected, but ${name} has not come: ${part(health)}`,
    todo: `This page keeps waiting, and ${name} joins as soon as it can; \`jex status\` says what holds it up.`,
    button: beginAgain,
  };
}

/** It was in the conversation, and is not any more. */
export function agentGone({ name, health }: Context): Trouble {
  return {
    id: 'agent-gone',
    what: `${name} has dropped out of the conversation: ${part(health)}`,
    todo: 'It is restarted by itself and joins again; until then nobody hears you.',
    button: beginAgain,
  };
}

function part(health: Health | null): string {
  if (health === null) return 'asking which part is missing.';
  if (health.livekit === 'unreachable') return 'LiveKit does not answer.';
  switch (health.agent) {
    case 'unreachable':
      return 'the agent is not running.';
    case 'registering':
      return 'the agent is starting, and not yet registered at LiveKit.';
    case 'ready':
      return 'the agent runs, and is being called in.';
  }
}
