'use client';

import { Failure } from '@/components/Failure';
import { SidePage } from '@/components/SidePage';
import { useLoad } from '@/components/useLoad';
import { readTools, type Toolbox } from '@/server/tools';
import { Progress } from './Progress';
import { ToolEntry } from './ToolEntry';

const EVERY_MS = 5_000;

/** What JEX can do for its owner, and what it may. */
export function ToolsPage() {
  const { value, failure, shutOut } = useLoad(readTools, EVERY_MS);

  return (
    <SidePage title="Tools" back={{ href: '/', label: 'Back to the conversation' }} shutOut={shutOut}>
      <Failure failure={failure} />
      <Progress only={['n8n', 'postgresql', 'agent']} />
      {value !== null && <Tools toolbox={value} />}
    </SidePage>
  );
}

function Tools({ toolbox: { tools, sources } }: { toolbox: Toolbox }) {
  return (
    <>
      {sources
        .filter(({ ready }) => !ready)
        .map(({ name, message }) => (
          <p key={name} className="mt-2 text-sm text-quiet text-pretty" data-testid="source">
            {message === '' ? `${name} cannot be asked now.` : message}
          </p>
        ))}
      {tools.length === 0 ? (
        <p className="mt-8 text-center text-quiet text-pretty">There are no tools yet. A workflow of n8n becomes one by the tag jex.</p>
      ) : (
        <>
          <ul>
            {tools.map((tool) => (
              <li key={`${tool.source} ${tool.name}`} className="border-b border-line py-4 last:border-none">
                <ToolEntry tool={tool} />
              </li>
            ))}
          </ul>
          <p className="mt-4 border-t border-line pt-4 text-sm text-quiet text-pretty">
            What may be done without asking, only after a yes, or never is set under <code className="text-ink">[tools]</code> in <code className="text-ink">jex.toml</code>, not here: whoever can open
            this page shall not be able to allow more.
          </p>
        </>
      )}
    </>
  );
}
