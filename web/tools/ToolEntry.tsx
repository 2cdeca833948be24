'use client';

import { CircleAlert } from 'lucide-react';
import { Fold } from '@/components/Fold';
import { dayAndClock } from '@/components/times';
import { useNow } from '@/components/useNow';
import { toolWords } from '@/conversation/question';
import { became } from '@/memory/lines';
import type { Tool } from '@/server/tools';

const POLICIES = { allow: 'Without asking', ask: 'Asks first', never: 'Never' } as const;
const EFFECTS = { reads: 'Only reads', changes: 'Changes things' } as const;

/** One tool: what it does, what it may, and when it last did. */
export function ToolEntry({ tool }: { tool: Tool }) {
  const now = useNow();
  const { name, description, source, effect, policy, problem, last } = tool;
  const facts = [effect === null ? '' : EFFECTS[effect], source].filter((fact) => fact !== '');
  return (
    <div data-tool={name}>
      <div className="flex items-baseline gap-4">
        <h2 className="min-w-0 flex-1 break-words font-semibold first-letter:uppercase">{toolWords(name)}</h2>
        {problem === null && policy !== null && <p className={`shrink-0 text-sm ${policy === 'never' ? 'text-quiet' : 'text-accent'}`}>{POLICIES[policy]}</p>}
      </div>
      {description !== '' && <p className="mt-1 break-words text-pretty">{description}</p>}
      {problem !== null && (
        <p className="mt-1 flex gap-2 text-pretty">
          <CircleAlert aria-hidden="true" className="mt-1 size-4 shrink-0 text-accent" />
          <span className="min-w-0 break-words">
            Not offered: it {problem.replace(/[.\s]+$/, '')}.
          </span>
        </p>
      )}
      {facts.length > 0 && <p className="mt-1 text-sm text-quiet">{facts.join(', ')}</p>}
      {last.length > 0 && (
        <Fold summary={`Last called: ${dayAndClock(last[0]?.at ?? 0, now)}`}>
          <ul className="border-l border-line pl-4">
            {last.map((call, index) => (
              <li key={index} className="flex justify-between gap-4 py-1">
                <span>{dayAndClock(call.at, now)}</span>
                <span className="min-w-0 text-right break-words text-ink">{became(call)}</span>
              </li>
            ))}
          </ul>
        </Fold>
      )}
    </div>
  );
}
