'use client';

import { clock, day } from '@/components/times';
import { useNow } from '@/components/useNow';
import type { Heading } from '@/server/history';
import { addressOf } from './address';

interface Props {
  conversations: readonly Heading[];
  query: string;
}

/** By days, the newest first. */
export function ConversationList({ conversations, query }: Props) {
  const now = useNow();
  if (conversations.length === 0) {
    return <p className="mt-8 text-center text-quiet text-pretty">{query === '' ? 'Nothing is remembered yet.' : 'Nobody said that in a conversation that is kept.'}</p>;
  }
  return byDay(conversations, now).map(([words, ofThatDay]) => (
    <section key={words} aria-label={words} className="mt-6">
      <h2 className="text-sm text-quiet">{words}</h2>
      <ul>
        {ofThatDay.map((heading) => (
          <li key={heading.id} className="border-b border-line last:border-none">
            <a href={addressOf(heading.id)} className="-mx-2 block rounded px-2 py-3 hover:text-accent">
              <span className="flex gap-4">
                <span className="min-w-0 flex-1 truncate">{heading.title === '' ? 'Nothing was asked' : heading.title}</span>
                <span className="shrink-0 text-sm text-quiet tabular-nums">{clock(heading.began)}</span>
              </span>
              {heading.matches.map((match, index) => (
                <span key={index} className="mt-1 line-clamp-2 text-sm break-words text-quiet">
                  <Marked text={match} query={query} />
                </span>
              ))}
            </a>
          </li>
        ))}
      </ul>
    </section>
  ));
}

function byDay(conversations: readonly Heading[], now: number): [string, Heading[]][] {
  const days = new Map<string, Heading[]>();
  for (const heading of conversations) {
    const words = day(heading.began, now);
    days.set(words, [...(days.get(words) ?? []), heading]);
  }
  return [...days];
}

/** The words that were searched for stand out. */
export function Marked({ text, query }: { text: string; query: string }) {
  const words = query.match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length === 0) return text;
  // Whole words, as the search has it; with a group, every second part is one.
  const parts = text.split(new RegExp(`(?<![\\p{L}\\p{N}])(${words.join('|')})(?![\\p{L}\\p{N}])`, 'giu'));
  return parts.map((part, index) =>
    index % 2 === 1 ? (
      <mark key={index} className="bg-transparent font-semibold text-ink">
        {part}
      </mark>
    ) : (
      part
    ),
  );
}
