/** What JEX remembers, as its page's server tells it. Times are in milliseconds since 1970. */

import { ask, isRecord, moment, number, records, text, textOr, type Reply } from './api';

export interface Heading {
  id: string;
  began: number;
  /** `null`: it goes on, or was cut off. */
  ended: number | null;
  turns: number;
  /** The first thing that the owner said; empty where there is none. */
  title: string;
  /** Where the words that were searched for stand. */
  matches: readonly string[];
}

export interface Headings {
  conversations: readonly Heading[];
  /** What to ask for next; `null` at the end. */
  next: string | null;
}

/** One thing that one side said. */
export interface Said {
  kind: 'said';
  id: string;
  at: number;
  speaker: 'caller' | 'assistant';
  /** As far as it was heard. */
  text: string;
  typed: boolean;
  interrupted: boolean;
  providers: { stt: string; llm: string; tts: string };
  /** The host that the words were sent to; empty: they stayed on JEX's machine. */
  leftFor: string;
}

/** One call of a tool. */
export interface Call {
  kind: 'call';
  id: string;
  at: number;
  tool: string;
  source: string;
  decision: string;
  /** JSON. */
  arguments: string;
  /** `null`: not known yet. */
  outcome: string | null;
  result: string;
}

export interface Conversation {
  id: string;
  began: number;
  title: string;
  /** What was said and done, in the order it began. */
  lines: readonly (Said | Call)[];
}

export interface Fact {
  id: string;
  text: string;
  at: number;
}

export interface Reminder {
  id: string;
  text: string;
  at: number;
  spoken: boolean;
}

/** The newest conversations, or those in which all of these words were said; from `after` on, as `next` named it. */
export async function readHistory(query: string, after: string | null): Promise<Headings> {
  const asked = new URLSearchParams();
  if (query !== '') asked.set('query', query);
  if (after !== null) asked.set('before', after);
  const reply = await ask(`/api/history?${asked}`);
  return { conversations: records(reply, 'conversations').map(heading), next: textOr(reply, 'next') || null };
}

export async function readConversation(id: string): Promise<Conversation> {
  const reply = await ask(`/api/history/${encodeURIComponent(id)}`);
  const lines = [...records(reply, 'turns').map(said), ...records(reply, 'calls').map(call)];
  return { id: text(reply, 'id'), began: moment(reply, 'began'), title: textOr(reply, 'title'), lines: lines.sort((one, other) => one.at - other.at) };
}

export async function deleteConversation(id: string): Promise<void> {
  await ask(`/api/history/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

/** What was said and done in the last `seconds`, by the server's clock; `null`: everything. */
export async function deleteHistory(seconds: number | null): Promise<void> {
  await ask(`/api/history?${seconds === null ? 'all=true' : `last_seconds=${seconds}`}`, { method: 'DELETE' });
}

export async function readFacts(): Promise<readonly Fact[]> {
  const reply = await ask('/api/facts');
  return records(reply, 'facts').map((fact) => ({ id: text(fact, 'id'), text: text(fact, 'text'), at: moment(fact, 'at') }));
}

export async function deleteFact(id: string): Promise<void> {
  await ask(`/api/facts/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

/** The newest first. */
export async function readReminders(): Promise<readonly Reminder[]> {
  const reply = await ask('/api/reminders');
  return records(reply, 'reminders').map((reminder) => ({
    id: text(reminder, 'id'),
    text: text(reminder, 'text'),
    at: moment(reminder, 'at'),
    spoken: reminder['spoken'] === true,
  }));
}

function heading(reply: Reply): Heading {
  const matches = reply['matches'];
  return {
    id: text(reply, 'id'),
    began: moment(reply, 'began'),
    ended: textOr(reply, 'ended') === '' ? null : moment(reply, 'ended'),
    turns: number(reply, 'turns'),
    title: textOr(reply, 'title'),
    matches: Array.isArray(matches) ? matches.filter((match) => typeof match === 'string') : [],
  };
}

function said(reply: Reply): Said {
  const providers = isRecord(reply['providers']) ? reply['providers'] : {};
  return {
    kind: 'said',
    id: text(reply, 'id'),
    at: moment(reply, 'at'),
    speaker: text(reply, 'speaker') === 'caller' ? 'caller' : 'assistant',
    text: textOr(reply, 'text'),
    typed: reply['typed'] === true,
    interrupted: reply['interrupted'] === true,
    providers: { stt: textOr(providers, 'stt'), llm: textOr(providers, 'llm'), tts: textOr(providers, 'tts') },
    leftFor: textOr(reply, 'left_for'),
  };
}

function call(reply: Reply): Call {
  return {
    kind: 'call',
    id: text(reply, 'id'),
    at: moment(reply, 'at'),
    tool: text(reply, 'tool'),
    source: textOr(reply, 'source'),
    decision: textOr(reply, 'decision'),
    arguments: textOr(reply, 'arguments'),
    outcome: textOr(reply, 'outcome') || null,
    result: textOr(reply, 'result'),
  };
}
