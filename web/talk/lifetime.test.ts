import { describe, expect, it } from 'vitest';
import { lifetimeOf } from './lifetime';

const part = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const token = (claims: unknown) => `${part({ alg: 'HS256' })}.${part(claims)}.signature`;

describe('the lifetime of a token', () => {
  it('is from when it was made to when it ends', () => {
    expect(lifetimeOf(token({ nbf: 1_000, exp: 1_600, name: 'Zoë ?>~' }))).toBe(600_000);
  });

  it.each([token({ exp: 1_600 }), token({ nbf: 'now', exp: 1_600 }), token(null), 'x', 'a.!.c', ''])('is not known of %s', (text) => {
    expect(lifetimeOf(text)).toBeNull();
  });
});
