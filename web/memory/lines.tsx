/** The lines of a conversation that is over, as they stood while it went on. */

import { Wrench } from 'lucide-react';
import { Fold } from '@/components/Fold';
import { Rows } from '@/components/Rows';
import { clock } from '@/components/times';
import { toolWords } from '@/conversation/question';
import { HERE, made } from '@/server/api';
import type { Call, Said } from '@/server/history';

export function SaidLine({ line }: { line: Said }) {
  if (line.speaker === 'caller') {
    return (
      <div className="max-w-[34rem] pl-10 text-right" data-line="said">
        <p className="whitespace-pre-wrap break-words text-pretty text-accent">
          <span className="sr-only">You: </span>
          {line.text}
        </p>
        <p className="text-sm text-quiet">
          {clock(line.at)}
          {line.typed && ', typed'}
        </p>
      </div>
    );
  }
  const cut = line.interrupted && line.text !== '';
  return (
    <div className="max-w-[36rem] pr-6" data-line="answer">
      <p className="whitespace-pre-wrap break-words text-pretty">
        <span className="sr-only">Answer: </span>
        {cut ? `${line.text.replace(/[\s—–-]+$/u, '')} —` : line.text}
        {cut && <span className="sr-only"> (interrupted)</span>}
      </p>
      <Fold summary="How it was made">
        <Rows rows={madeBy(line)} />
      </Fold>
    </div>
  );
}

function madeBy({ at, providers, leftFor }: Said): [string, string][] {
  const all: [string, string][] = [
    ['Began', clock(at)],
    ['Speech recognition', providers.stt],
    ['Language model', providers.llm],
    ['Voice', providers.tts],
    ['Made', made(leftFor === '' ? HERE : leftFor)],
  ];
  return all.filter(([, value]) => value !== '');
}

export function CallLine({ call }: { call: Call }) {
  return (
    <div className="max-w-[36rem] pr-6 text-sm text-quiet" data-line="call">
      <p className="flex items-start gap-2">
        <Wrench aria-hidden="true" className="mt-1 size-3.5 shrink-0" />
        <span className="min-w-0 break-words">
          <span className="text-ink">{toolWords(call.tool)}</span>: {became(call)}
        </span>
      </p>
      <Fold summary="What was sent and came back">
        <dl className="flex flex-col gap-2 border-l border-line py-1 pl-4">
          {[
            ['At', clock(call.at)],
            ['Why', DECISIONS[call.decision] ?? call.decision],
            ['Sent', readable(call.arguments)],
            ['Came back', readable(call.result)],
          ].map(
            ([label, value]) =>
              value !== '' && (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd className="break-words whitespace-pre-wrap text-ink">{value}</dd>
                </div>
              ),
          )}
        </dl>
      </Fold>
    </div>
  );
}

const DECISIONS: Record<string, string> = {
  allowed: 'It is allowed',
  confirmed: 'You said yes',
  never: 'It is never allowed',
  not_confirmed: 'You were asked and did not say yes',
  too_many: 'There were too many calls in a short time',
  bad_arguments: 'What was to be sent does not fit the tool',
  unknown_tool: 'There is no such tool',
  not_recorded: 'It could not be written down first',
};

const OUTCOMES: Record<string, string> = {
  done: 'done',
  failed: 'it did not work',
  unknown: 'it was cut off, and nobody knows whether it was done',
  cancelled: 'stopped',
};

/** What became of it, for a sentence that begins with its name. */
export function became({ decision, outcome }: Pick<Call, 'decision' | 'outcome'>): string {
  if (decision !== 'allowed' && decision !== 'confirmed') return 'not called';
  return outcome === null ? 'under way' : (OUTCOMES[outcome] ?? outcome);
}

/** JSON with a line for each part; anything else as it is. */
export function readable(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'string') return value;
    if (value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return '';
    return JSON.stringify(value, null, 1).replace(/^[{[]\n|\n[}\]]$/g, '').replace(/^ /gm, '');
  } catch {
    return json;
  }
}
