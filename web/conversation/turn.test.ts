import { describe, expect, it } from 'vitest';
import { parseProblem, parseTurn } from './turn';

const WHOLE = {
  turn_id: 'T1',
  answer_id: 'A1',
  heard: 'Why?',
  typed: false,
  answer: 'Because.',
  interrupted: true,
  made_where: 'on this machine',
  providers: { stt: 'Whisper', llm: 'jex-demo', tts: '' },
  stages_ms: { speech_end_to_final: 640, answer_audio: 'long' },
  problem: { stage: 'tts', message: 'Piper is gone', remedy: 'jex logs piper' },
  calls: [{ tool: 'add_to_list', outcome: 'done' }, { outcome: 'done' }, 7],
};

describe('the account of an answer', () => {
  it('is read whole, without what is of the wrong type', () => {
    expect(parseTurn(JSON.stringify(WHOLE))).toEqual({
      turnId: 'T1',
      answerId: 'A1',
      answer: 'Because.',
      interrupted: true,
      madeWhere: 'on this machine',
      providers: { stt: 'Whisper', llm: 'jex-demo' },
      stages: { speech_end_to_final: 640 },
      problem: { stage: 'tts', message: 'Piper is gone', remedy: 'jex logs piper' },
      calls: [{ tool: 'add_to_list', outcome: 'done' }],
    });
  });

  it('of a greeting has no turn', () => {
    expect(parseTurn('{"answer_id":"A1","turn_id":null,"problem":null}')).toMatchObject({ turnId: null, problem: null, stages: {}, calls: [] });
  });

  it.each(['', '{', 'null', '[]', '7', '{}', '{"answer_id":7}', '{"answer_id":null}'])('is not %s', (json) => {
    expect(parseTurn(json)).toBeNull();
  });
});

describe('the problem of an agent', () => {
  it.each([undefined, '', 'not json', '{}', '{"message":""}', '[]'])('is none for %s', (attribute) => {
    expect(parseProblem(attribute)).toBeNull();
  });

  it('has a message', () => {
    expect(parseProblem('{"stage":"llm","message":"gone"}')).toEqual({ stage: 'llm', message: 'gone', remedy: '' });
  });
});
