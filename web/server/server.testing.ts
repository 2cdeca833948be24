/** For tests: a page's server that answers as it is told. */

import { vi } from 'vitest';

export type Answer = [status: number, body: unknown];

/** Answers by method and path, such as `GET /api/history`; what stands after `?` is kept. */
export function serve(answers: Record<string, Answer | ((query: URLSearchParams) => Answer)>): { asked: string[] } {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (address: string, init?: RequestInit) => {
    const { pathname, searchParams, search } = new URL(address, 'http://page');
    const name = `${init?.method ?? 'GET'} ${pathname}`;
    asked.push(name + search);
    const found = answers[name];
    const [status, body] = typeof found === 'function' ? found(searchParams) : (found ?? [404, { error: { code: 'not_found', message: 'There is nothing here', remedy: '' } }]);
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status }));
  });
  return { asked };
}

export const AWAY: Answer = [503, { error: { code: 'database_away', message: 'PostgreSQL does not answer', remedy: 'Look at `jex status`' } }];
export const NOT_PAIRED: Answer = [401, { error: { code: 'not_paired', message: 'This browser is not paired', remedy: 'Run `jex pair`' } }];
