import { isVisible, type Thread } from '@/conversation/thread';
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
  stt: { what: 'Speech recognition is not working', log: 'jex logs whisper' },
  llm: { what: 'The language model is not working', log: 'jex logs ollama' },
  tts: { what: 'The voice is not working', log: 'jex logs piper' },
};

export function providerProblem(problem: Problem, hasAsked: boolean): Trouble {
  const stage = STAGES[problem.stage];
  return {
    id: `problem-${problem.stage}`,
    what: stage === undefined ? sentence(problem.message) : `${stage.what}: ${sentence(problem.message)}`,
    todo: sentence(problem.remedy) || `It is tried again with your next words; \`${stage?.log ?? 'jex status'}\` says more.`,
    button: nextWords(problem.stage, hasAsked),
  };
}

function nextWords(stage: string, hasAsked: boolean): Trouble['button'] {
  // Words need no recognition.
  if (stage === 'stt') return { label: 'Type instead', does: 'type' };
  return hasAsked ? { label: 'Ask again', does: 'ask-again' } : { label: 'Type a question', does: 'type' };
}

/** What stands between the owner's last word and the first sound. */
export type Stage = 'stt' | 'llm' | 'tts';

/** What an answer that nobody hears yet waits for, by how far this conversation has come. */
export function awaitedStage(thread: Thread): Stage {
  const begun = thread.findLastIndex((line) => line.kind === 'remark') + 1;
  const last = thread.slice(begun).findLast((line) => isVisible(line) && (line.kind !== 'said' || line.delivery === 'done'));
  // Nothing is said yet: the greeting, whose words are known.
  if (last === undefined) return 'tts';
  // Recognition may give nothing before the whole sentence.
  return last.kind === 'said' && last.final ? 'llm' : 'stt';
}

export function answerLate({ name, model, awaited }: { name: string; model: string | null; awaited: Stage }): Trouble {
  const what: Record<Stage, string> = {
    stt: `${name} still waits for your words from speech recognition.`,
    llm: `${name} waits for the language model${model === null ? '' : ` (${model})`}.`,
    tts: `${name} knows what to say, and waits for its voice.`,
  };
  const instead: Record<Stage, string> = { stt: 'say it again', llm: 'ask something shorter', tts: 'just ask' };
  return {
    id: 'answer-late',
    what: `The answer is late: ${what[awaited]}`,
    todo: `Keep waiting, or stop it and ${instead[awaited]}.`,
    button: { label: 'Stop waiting', does: 'stop-answer' },
  };
}
