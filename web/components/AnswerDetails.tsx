import type { Turn } from '@/conversation/turn';
import { made } from '@/server/api';

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

/** Stages with their times, and who did the work. */
export function AnswerDetails({ turn }: { turn: Turn }) {
  const rows: [label: string, value: string][] = [];
  for (const [name, label] of STAGES) {
    const time = turn.stages[name];
    if (time !== undefined) rows.push([label, duration(time)]);
  }
  for (const [name, label] of PROVIDERS) {
    const provider = turn.providers[name];
    if (provider !== undefined) rows.push([label, provider]);
  }
  if (turn.madeWhere !== '') rows.push(['Made', made(turn.madeWhere)]);
  if (turn.problem !== null) rows.push(['What went wrong', `${turn.problem.message} ${turn.problem.remedy}`.trim()]);

  return (
    <dl className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-1 border-l border-line py-1 pl-4">
      {rows.map(([label, value]) => (
        <div key={label} className="col-span-2 grid grid-cols-subgrid">
          <dt>{label}</dt>
          <dd className="max-w-52 text-right break-words text-ink tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Milliseconds below one second, tenths above. */
export function duration(milliseconds: number): string {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}
