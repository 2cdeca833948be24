'use client';

import { useLoad } from '@/components/useLoad';
import { readComponents, type Component } from '@/server/tools';
import { Words } from '@/trouble/TroubleCard';

const EVERY_MS = 3_000;

const NAMES: Record<string, string> = { postgresql: 'PostgreSQL', n8n: 'n8n', agent: 'The agent' };

/** One quiet line for each of these parts that is not ready yet: how far it is. */
export function Progress({ only }: { only: readonly string[] }) {
  const { value } = useLoad(readComponents, EVERY_MS);
  const lines = (value ?? []).filter(({ name }) => only.includes(name)).map(progress);

  return (
    <div role="status" data-testid="progress">
      {lines.map(
        (line) =>
          line !== null && (
            <p key={line} className="mt-2 text-sm break-words text-quiet text-pretty">
              <Words text={line} />
            </p>
          ),
      )}
    </div>
  );
}

/** By the states of `jex status`; `null` for one that is as it should be. */
export function progress({ name, state, detail }: Component): string | null {
  const who = NAMES[name] ?? name;
  const doing = detail === '' ? '.' : `: ${detail.replace(/\.$/, '')}.`;
  switch (state) {
    case 'ready':
    case 'external':
      return null;
    case 'waiting':
      return detail === 'being installed' ? `${who} is being installed.` : `${who} is about to be started${doing}`;
    case 'starting':
      return `${who} is starting${doing}`;
    case 'warming':
      return `${who} is being set up${doing}`;
    case 'restarting':
      return `${who} ended and is started again${doing}`;
    case 'failed':
      return detail === '' ? `${who} does not start; \`jex logs ${name}\` says why.` : `${who} does not start${doing}`;
    default:
      return `${who} is ${state}${doing}`;
  }
}
