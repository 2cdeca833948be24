import { ChevronRight } from 'lucide-react';
import type { ReactNode } from 'react';

/** Something more, for those who open it. */
export function Fold({ summary, children }: { summary: string; children: ReactNode }) {
  return (
    <details className="group mt-1 text-sm text-quiet" onToggle={({ currentTarget }) => currentTarget.open && currentTarget.scrollIntoView({ block: 'nearest' })}>
      <summary className="inline-flex min-h-8 list-none items-center gap-1 rounded pr-2 hover:text-ink [&::-webkit-details-marker]:hidden">
        <ChevronRight aria-hidden="true" className="size-3.5 shrink-0 transition-transform group-open:rotate-90" />
        {summary}
      </summary>
      {children}
    </details>
  );
}
