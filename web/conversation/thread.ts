/**
 * The thread: what the owner said and what JEX said, in the order it began. Pure: events in, thread out.
 *
 * Identifiers of segments and answers are unique to one stay of an agent in the room: one that was restarted has the
 * identity of the one before. Keys begin with that identity, so that the lines of whoever is gone are found.
 */

import type { Turn } from './turn';

export interface Said {
  kind: 'said';
  key: string;
  text: string;
  /** False while recognition may still change it. */
  final: boolean;
  /** Typed words wait until the agent is in the room; `unsent` when the owner left before that. */
  delivery: 'done' | 'waiting' | 'unsent';
}

export interface Answer {
  kind: 'answer';
  key: string;
  segments: readonly { id: string; text: string }[];
  state: 'speaking' | 'finished' | 'interrupted';
  turn: Turn | null;
}

/** A remark of the page itself between the lines. */
export interface Remark {
  kind: 'remark';
  key: string;
  text: string;
}

export type Line = Said | Answer | Remark;
export type Thread = readonly Line[];

export type ThreadEvent =
  | { kind: 'heard'; agent: string; segment: string; text: string; final: boolean }
  | { kind: 'typed'; id: string; text: string }
  | { kind: 'handed-over'; key: string }
  | { kind: 'spoken'; agent: string; answer: string; segment: string; text: string }
  | { kind: 'segment-ended'; agent: string; answer: string; interrupted: boolean }
  | { kind: 'accounted'; agent: string; turn: Turn }
  | { kind: 'agent-gone'; agent: string }
  | { kind: 'fresh-room'; id: string }
  | { kind: 'left' };

export function extend(thread: Thread, event: ThreadEvent): Thread {
  switch (event.kind) {
    case 'heard':
      return heard(thread, event);
    case 'typed':
      return [...thread, { kind: 'said', key: `typed/${event.id}`, text: event.text, final: true, delivery: 'waiting' }];
    case 'handed-over':
      return change(thread, event.key, (line) => (line.kind === 'said' ? { ...line, delivery: 'done' } : line));
    case 'spoken':
      return spoken(thread, event);
    case 'segment-ended':
      return segmentEnded(thread, event);
    case 'accounted':
      return accounted(thread, event);
    case 'agent-gone':
      return agentGone(thread, event.agent);
    case 'fresh-room':
      return freshRoom(thread, event.id);
    case 'left':
      return thread.map((line) => (isWaiting(line) ? { ...line, delivery: 'unsent' } : line));
  }
}

/** What an answer says, as far as it was heard: one that was cut short ends with a dash. */
export function answerText(answer: Answer): string {
  const spokenText = answer.segments
    .map((segment) => segment.text.trim())
    .filter((text) => text !== '')
    .join(' ');
  const text = spokenText || answer.turn?.answer.trim() || '';
  return answer.state === 'interrupted' && text !== '' ? `${text.replace(/[\s—–-]+$/u, '')} —` : text;
}

export function isVisible(line: Line): boolean {
  if (line.kind === 'answer') return answerText(line) !== '';
  return line.text.trim() !== '';
}

/** The account of the last finished answer. */
export function lastTurn(thread: Thread): Turn | null {
  const answer = thread.findLast((line): line is Answer => line.kind === 'answer' && line.turn !== null);
  return answer?.turn ?? null;
}

/** The typed words that are next to be handed over. */
export function nextWaiting(thread: Thread): Said | null {
  return thread.find(isWaiting) ?? null;
}

/** What the owner said or typed last, as far as the agent got it. */
export function lastSaid(thread: Thread): string | null {
  const said = thread.findLast((line): line is Said => line.kind === 'said' && line.final && line.delivery === 'done' && isVisible(line));
  return said?.text ?? null;
}

function heard(thread: Thread, event: ThreadEvent & { kind: 'heard' }): Thread {
  const key = `${event.agent}/${event.segment}`;
  const line: Said = { kind: 'said', key, text: event.text, final: event.final, delivery: 'done' };
  if (!thread.some((known) => known.key === key)) return [...thread, line];

  // A late interim result never takes back a final one.
  return change(thread, key, (known) => (known.kind === 'said' && known.final && !event.final ? known : line));
}

function spoken(thread: Thread, event: ThreadEvent & { kind: 'spoken' }): Thread {
  const segment = { id: event.segment, text: event.text };
  const key = `${event.agent}/${event.answer}`;
  // One that was killed and is back at once leaves no other trace: LiveKit calls it the same participant.
  const before = thread.some((line) => line.key === key) ? thread : agentGone(thread, event.agent);

  return changeAnswer(before, key, (answer) => {
    const known = answer.segments.some((other) => other.id === segment.id);
    return {
      ...answer,
      state: answer.turn === null ? 'speaking' : answer.state,
      segments: known ? answer.segments.map((other) => (other.id === segment.id ? segment : other)) : [...answer.segments, segment],
    };
  });
}

function segmentEnded(thread: Thread, event: ThreadEvent & { kind: 'segment-ended' }): Thread {
  return change(thread, `${event.agent}/${event.answer}`, (line) =>
    line.kind === 'answer' ? { ...line, state: event.interrupted || line.state === 'interrupted' ? 'interrupted' : 'finished' } : line,
  );
}

function accounted(thread: Thread, event: ThreadEvent & { kind: 'accounted' }): Thread {
  return changeAnswer(thread, `${event.agent}/${event.turn.answerId}`, (answer) => ({
    ...answer,
    state: event.turn.interrupted ? 'interrupted' : 'finished',
    turn: event.turn,
  }));
}

function agentGone(thread: Thread, agent: string): Thread {
  return thread.map((line) =>
    line.kind === 'answer' && line.state === 'speaking' && line.key.startsWith(`${agent}/`) ? { ...line, state: 'interrupted' } : line,
  );
}

/** Nobody in a new room knows what stands above; what waits to be said there stands below. */
function freshRoom(thread: Thread, id: string): Thread {
  const known = thread.filter((line) => !isWaiting(line));
  if (!known.some(isVisible)) return thread;
  const remark: Remark = { kind: 'remark', key: `remark/${id}`, text: 'A new conversation. It begins without what is above.' };
  return [...known, remark, ...thread.filter(isWaiting)];
}

function isWaiting(line: Line): line is Said {
  return line.kind === 'said' && line.delivery === 'waiting';
}

function changeAnswer(thread: Thread, key: string, edit: (answer: Answer) => Answer): Thread {
  const known = thread.some((line) => line.key === key);
  const begun: Answer = { kind: 'answer', key, segments: [], state: 'speaking', turn: null };
  return change(known ? thread : [...thread, begun], key, (line) => (line.kind === 'answer' ? edit(line) : line));
}

function change(thread: Thread, key: string, edit: (line: Line) => Line): Thread {
  return thread.map((line) => (line.key === key ? edit(line) : line));
}
