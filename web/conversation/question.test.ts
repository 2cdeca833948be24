import { describe, expect, it } from 'vitest';
import { parseActing, parseQuestion, toolWords } from './question';

describe('a question', () => {
  it('is read with its id as it is', () => {
    expect(parseQuestion('{"id":"q-1","text":"Shall I add milk?","until":"2026-11-28T10:00:30Z"}')).toEqual({ id: 'q-1', text: 'Shall I add milk?', asked: true });
    expect(parseQuestion('{"id":7,"text":"Shall I?","until":"2026-11-28T10:00:30Z"}')?.id).toBe(7);
  });

  it.each(['{"id":"1","text":"Shall I?"}', '{"id":"1","text":"Shall I?","until":null}', '{"id":"1","text":"Shall I?","until":""}'])('is still being asked in %s', (attribute) => {
    expect(parseQuestion(attribute)?.asked).toBe(false);
  });

  it.each([undefined, '', 'no json', '[]', '{}', '{"id":"1"}', '{"id":"1","text":""}', '{"id":null,"text":"Shall I?"}'])('is none for %s', (attribute) => {
    expect(parseQuestion(attribute)).toBeNull();
  });
});

describe('what runs', () => {
  it('has names and words', () => {
    const since = '2026-11-28T10:00:00Z';
    expect(parseActing(`{"tools":["add_to_list",7,""],"since":"${since}"}`)).toEqual({ tools: ['add_to_list'], since, says: '' });
    expect(parseActing(`{"tools":["add_to_list"],"since":"${since}","says":"half of it"}`)?.says).toBe('half of it');
  });

  it.each([undefined, '', '{', '[]', '{}', '{"tools":"add_to_list"}', '{"tools":[""]}'])('is nothing for %s', (attribute) => {
    expect(parseActing(attribute)).toBeNull();
  });

  it.each([
    ['add_to_list', 'add to list'],
    ['get-weather__now', 'get weather now'],
    ['_', '_'],
  ])('%s is said as %s', (tool, words) => {
    expect(toolWords(tool)).toBe(words);
  });
});
