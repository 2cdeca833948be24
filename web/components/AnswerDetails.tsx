import { toolWords } from '@/conversation/question';
import type { Turn } from '@/conversation/turn';
import { made } from '@/server/api';
import { Rows } from './Rows';

const STAGES: readonly [name: string, label: string][] = [
  ['speech_end_to_final', 'Understanding your words'],
  ['final_to_first_token', 'Thinking, to the first word'],
  ['first_token_to_first_audio', 'Finding the voice'],
  ['speech_end_to_first_audio', 'From your last word to the first sound'],
  ['answer_audio', 'Length of the answer'],
];

const PROVIDERS: readonly [name: keyof Turn['providers'], label: string][] = [
  ['stt', 'Speech recognition'],
  ['llm', 'Language model'],
  ['tts', 'Voice'],
];

/** Stages with their times, what was called, and who did the work. */
export function AnswerDetails({ turn }: { turn: Turn }) {
  const rows: [label: string, value: string][] = [];
  for (const [name, label] of STAGES) {
    const time = turn.stages[name];
    if (time !== undefined) rows.push([label, duration(time)]);
  }
  for (const { tool, outcome } of turn.calls) rows.push([`Tool: ${toolWords(tool)}`, outcome]);
  for (const [name, label] of PROVIDERS) {
    const provider = turn.providers[name];
    if (provider !== undefined) rows.push([label, provider]);
  }
  if (turn.madeWhere !== '') rows.push(['Made', made(turn.madeWhere)]);
  if (turn.problem !== null) rows.push(['What went wrong', `${turn.problem.message} ${turn.problem.remedy}`.trim()]);

  return <Rows rows={rows} />;
}

/** Milliseconds below one second, tenths above. */
export function duration(milliseconds: number): string {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}
