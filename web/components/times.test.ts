import { expect, it } from 'vitest';
import { clock, day, dayAndClock } from './times';

const at = (text: string) => new Date(text).getTime();
const now = at('2026-03-05T09:00:00');

it.each([
  ['2026-03-05T00:00:00', 'Today'],
  ['2026-03-05T23:59:00', 'Today'],
  ['2026-03-04T23:59:00', 'Yesterday'],
  ['2026-03-03T12:00:00', /^Tuesday,? .*3/],
  ['2025-03-05T12:00:00', /2025/],
])('%s is %s', (moment, words) => {
  expect(day(at(moment), now)).toMatch(words);
});

it('is told with its day', () => {
  expect(dayAndClock(at('2026-03-05T08:05:00'), now)).toBe(`Today at ${clock(at('2026-03-05T08:05:00'))}`);
  expect(clock(at('2026-03-05T08:05:00'))).toContain('08:05');
});
