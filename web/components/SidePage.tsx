import { ArrowLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import { Pairing } from './Pairing';

interface Props {
  title: string;
  /** Where the arrow leads. */
  back: { href: string; label: string };
  /** What is done with the whole of it, on the right. */
  action?: ReactNode;
  /** The server says nothing to this browser. */
  shutOut: boolean;
  children: ReactNode;
}

/** A page beside the conversation: it scrolls as a whole, below its name. */
export function SidePage({ title, back, action, shutOut, children }: Props) {
  if (shutOut) return <Pairing letIn={() => location.reload()} />;
  return (
    <div className="mx-auto min-h-dvh max-w-[44rem] px-4 pb-[max(2rem,env(safe-area-inset-bottom))]">
      <header className="sticky top-0 z-10 flex min-h-14 items-center gap-1 bg-paper">
        <a href={back.href} aria-label={back.label} title={back.label} className="-ml-3 flex size-11 shrink-0 items-center justify-center rounded-full text-quiet hover:text-ink">
          <ArrowLeft aria-hidden="true" className="size-5" />
        </a>
        <h1 className="min-w-0 flex-1 truncate font-semibold">{title}</h1>
        {action}
      </header>
      <main>{children}</main>
    </div>
  );
}
