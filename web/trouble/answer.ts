import type { Problem } from '@/conversation/turn';
import { sentence } from './connection';
import type { Trouble } from './trouble';

export function soundBlocked({ name }: { name: string }): Trouble {
  return {
    id: 'sound-blocked',
    what: `The browser does not play ${name}'s voice until you allow it.`,
    todo: 'Press the button; browsers want one press before a page makes a sound.',
    button: { label: 'Play the voice', does: 'play' },
  };
}

const STAGES: Record<string, { what: string; log: string }> = {
  stt: { what: 'Speech recognition is not working', log: 'jex logs stt' },
  llm: { what: 'The language model is not working', log: 'jex logs ollama' },
  model: { what: 'The language model is not working', log: 'jex logs ollama' },
  tts: { what: 'The voice is not working', log: 'jex logs tts' },
  livekit: { what: 'LiveKit is not working', log: 'jex logs livekit' },
};

export function providerProblem(problem: Problem): Trouble {
  const stage = STAGES[problem.stage];
  // Words need no recognition.
  const typeInstead = problem.stage === 'stt';
  return {
    id: `problem-${problem.stage}`,
    what: stage === undefined ? sentence(problem.message) : `${stage.what}: ${sentence(problem.message)}`,
    todo: sentence(problem.remedy) || `It is tried again with your next words; \`${stage?.log ?? 'jex status'}\` says more.`,
    button: typeInstead ? { label: 'Type instead', does: 'type' } : { label: 'Leave', does: 'leave' },
  };
}

export function answerLate(context: { name: string; model: string | null; understood: boolean }): Trouble {
  const { name, model, understood } = context;
  return {
    id: 'answer-late',
    what: understood
      ? `The answer is late: ${name} waits for the language model${model === null ? '' : ` (${model})`}.`
      : `The answer is late: ${name} still waits for your words from speech recognition.`,
    todo: understood ? 'Keep waiting, or stop it and ask something shorter.' : 'Keep waiting, or stop it and say it again.',
    button: { label: 'Stop waiting', does: 'stop-answer' },
  };
}
