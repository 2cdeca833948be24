import { describe, expect, it } from 'vitest';
import { answerText, extend, isVisible, lastTurn, type Answer, type Thread, type ThreadEvent } from './thread';
import type { Turn } from './turn';

const after = (...events: ThreadEvent[]): Thread => events.reduce(extend, [] as Thread);
const spoken = (text: string, segment = 'S1', answer = 'A1', agent = 'agent-1'): ThreadEvent => ({ kind: 'spoken', agent, answer, segment, text });
const ended = (interrupted: boolean, agent = 'agent-1'): ThreadEvent => ({ kind: 'segment-ended', agent, answer: 'A1', interrupted });
const heard = (text: string, final: boolean, segment = 'U1', agent = 'agent-1'): ThreadEvent => ({ kind: 'heard', agent, segment, text, final });
const turn = (changes: Partial<Turn> = {}): Turn => ({
  turnId: 'T1',
  answerId: 'A1',
  answer: 'Paris.',
  interrupted: false,
  madeWhere: 'on this machine',
  providers: {},
  stages: {},
  problem: null,
  calls: [],
  ...changes,
});
const texts = (thread: Thread) => thread.map((line) => (line.kind === 'answer' ? answerText(line) : line.text));

describe('what the owner said', () => {
  it('is replaced in place until it is final', () => {
    const thread = after(heard('What', false), heard('What is', false), heard('What is it?', true));

    expect(thread).toHaveLength(1);
    expect(thread[0]).toMatchObject({ kind: 'said', text: 'What is it?', final: true });
  });

  it('is not taken back by a late interim result', () => {
    expect(texts(after(heard('What is it?', true), heard('What', false)))).toEqual(['What is it?']);
  });

  it('waits when typed, until it is handed over', () => {
    const typed = after({ kind: 'typed', id: '1', text: 'Hello' });
    expect(typed[0]).toMatchObject({ final: true, delivery: 'waiting' });

    expect(extend(typed, { kind: 'handed-over', key: 'typed/1' })[0]).toMatchObject({ delivery: 'done' });
  });

  it('is marked as unsent when the owner left before', () => {
    expect(after({ kind: 'typed', id: '1', text: 'Hello' }, { kind: 'left' })[0]).toMatchObject({ delivery: 'unsent' });
  });
});

describe('an answer', () => {
  it('grows as it is spoken', () => {
    expect(texts(after(spoken('The'), spoken('The capital')))).toEqual(['The capital']);
  });

  it('joins its segments', () => {
    const thread = after(spoken('The capital of France ', 'S1'), ended(false), spoken('is Paris.', 'S2'), ended(false));

    expect(texts(thread)).toEqual(['The capital of France is Paris.']);
    expect(thread[0]).toMatchObject({ state: 'finished' });
  });

  it('ends with a dash where it was cut short', () => {
    expect(texts(after(spoken('Once upon a time, '), ended(true)))).toEqual(['Once upon a time, —']);
    expect(texts(after(spoken('Once upon -'), ended(true)))).toEqual(['Once upon —']);
  });

  it('stays cut short when its account is late', () => {
    const thread = after(spoken('Once'), ended(true), { kind: 'accounted', agent: 'agent-1', turn: turn({ interrupted: true, answer: 'Once' }) });

    expect(texts(thread)).toEqual(['Once —']);
  });

  it('is cut short when its agent leaves, and only that one', () => {
    const thread = after(spoken('One'), ended(false), spoken('Two', 'S2', 'A2'), spoken('Other', 'S1', 'A1', 'agent-2'), { kind: 'agent-gone', agent: 'agent-1' });

    expect(texts(thread)).toEqual(['One', 'Two —', 'Other']);
  });

  it('of an agent that counts anew is another one', () => {
    expect(texts(after(spoken('First'), ended(false), spoken('Second', 'S1', 'A1', 'agent-2')))).toEqual(['First', 'Second']);
  });

  it('is cut short when its agent begins another one', () => {
    expect(texts(after(spoken('I was about'), spoken('Hello'), spoken('Hello again', 'S2', 'A2')))).toEqual(['Hello —', 'Hello again']);
  });

  it('is told by its account when no words of it arrived', () => {
    expect(texts(after({ kind: 'accounted', agent: 'agent-1', turn: turn() }))).toEqual(['Paris.']);
  });

  it('that nobody heard is not shown', () => {
    const thread = after(ended(true), { kind: 'accounted', agent: 'agent-1', turn: turn({ answer: '', interrupted: true }) });

    expect(thread.filter(isVisible)).toEqual([]);
  });

  it('keeps its place among the lines', () => {
    const thread = after(spoken('Hello'), heard('Hi', false), ended(true), heard('Hi there', true), spoken('Yes?', 'S2', 'A2'));

    expect(texts(thread)).toEqual(['Hello —', 'Hi there', 'Yes?']);
  });
});

it('knows where the last answer was made', () => {
  const thread = after(
    { kind: 'accounted', agent: 'agent-1', turn: turn() },
    { kind: 'accounted', agent: 'agent-1', turn: turn({ answerId: 'A2', madeWhere: 'api.example' }) },
    heard('And?', true),
  );

  expect(lastTurn(thread)?.madeWhere).toBe('api.example');
  expect(lastTurn([])).toBeNull();
});

describe('a fresh room', () => {
  it('is remarked below what it does not know, and above what waits for it', () => {
    const thread = after(heard('Hello', true), { kind: 'typed', id: '1', text: 'And?' }, { kind: 'fresh-room', id: '2' });

    expect(texts(thread)).toEqual(['Hello', 'A new conversation. It begins without what is above.', 'And?']);
  });

  it('needs no remark when nothing was said', () => {
    expect(texts(after({ kind: 'typed', id: '1', text: 'And?' }, { kind: 'fresh-room', id: '2' }))).toEqual(['And?']);
  });
});

it('never changes a line in place', () => {
  const before = after(spoken('The'));
  const answer = before[0] as Answer;

  extend(before, spoken('The capital'));

  expect(answer.segments[0]?.text).toBe('The');
});
