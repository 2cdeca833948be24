import type { Info } from '@/server/api';

interface Props {
  name: string;
  info: Info | null;
  talking: boolean;
}

export function Welcome({ name, info, talking }: Props) {
  return (
    <div className="flex flex-col items-center gap-4 text-center">
      <p className="text-xl font-semibold text-balance">{talking ? `${name} is about to greet you` : `Talk to ${name}`}</p>
      <p className="max-w-96 text-quiet text-pretty">{talking ? 'Then speak, or type, as you like.' : 'Press Talk and speak, or type below. You can interrupt at any time.'}</p>
      <Honesty info={info} className="max-w-96 text-sm text-quiet text-pretty" />
    </div>
  );
}

/** What one should know before trusting an answer. */
export function Honesty({ info, className }: { info: Info | null; className: string }) {
  return (
    <p className={className}>
      {info?.modelIsDemo && 'The packaged model is a demo: 135 million parameters, English only, and often wrong. '}
      {info?.keepsHistory === true
        ? 'What is said is kept on the machine that JEX runs on; under History it can be read, searched and deleted.'
        : 'Nothing of a conversation is stored: it is gone when you close this page.'}
    </p>
  );
}
