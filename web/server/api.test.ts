import { afterEach, describe, expect, it, vi } from 'vitest';
import { ask, isNotPaired, pair, readHealth, readInfo, Refusal, requestToken, ServerGone, ServerSlow } from './api';

afterEach(() => vi.unstubAllGlobals());

function answering(status: number, body: string) {
  const fetched = vi.fn<typeof fetch>(() => Promise.resolve(new Response(body, { status })));
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

const TOKEN = { server_url: 'ws://127.0.0.1:7880', participant_token: 'jwt', room_name: 'talk-1', participant_identity: 'caller-1', expires_in_seconds: 300 };

describe('a token', () => {
  it('is asked for with POST and JSON, and knows when it ends', async () => {
    const fetched = answering(200, JSON.stringify(TOKEN));

    const token = await requestToken(() => 1_000);

    expect(token).toEqual({ serverUrl: 'ws://127.0.0.1:7880', token: 'jwt', roomName: 'talk-1', expiresAt: 301_000 });
    expect(fetched.mock.calls[0]?.[0]).toBe('/api/token');
    expect(fetched.mock.calls[0]?.[1]).toMatchObject({ method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' });
  });

  it("is refused in the server's own words", async () => {
    answering(503, '{"error":{"code":"livekit_unreachable","message":"LiveKit does not answer","remedy":"Look at jex status"}}');

    const refusal = await requestToken().catch((error: unknown) => error);

    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ status: 503, code: 'livekit_unreachable', message: 'LiveKit does not answer', remedy: 'Look at jex status' });
  });

  it.each(['<html>', '[]', '{}', JSON.stringify({ ...TOKEN, expires_in_seconds: 'soon' }), JSON.stringify({ ...TOKEN, participant_token: '' })])(
    'is not %s',
    async (body) => {
      answering(200, body);

      await expect(requestToken()).rejects.toBeInstanceOf(ServerGone);
    },
  );

  it('cannot come from a server that is gone', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));

    const gone = await requestToken().catch((error: unknown) => error);

    expect(gone).toBeInstanceOf(ServerGone);
    expect(gone).not.toBeInstanceOf(ServerSlow);
  });
});

describe('an answer that does not come in time', () => {
  it.each([
    [5_000, 'GET'],
    [5_000, 'POST'],
    [60_000, 'DELETE'],
  ])('is waited for %i ms after %s, and is told apart', async (limit, method) => {
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort());
    vi.stubGlobal('fetch', (_: string, init: RequestInit) => Promise.resolve().then(() => init.signal?.throwIfAborted()));

    const slow = await ask('/api/history', { method }).catch((error: unknown) => error);

    expect(slow).toBeInstanceOf(ServerSlow);
    expect(timeout).toHaveBeenCalledWith(limit);
  });
});

it('a health of unknown words is not a good one', async () => {
  answering(200, '{"livekit":"fine","agent":"fine"}');

  expect(await readHealth()).toEqual({ livekit: 'unreachable', agent: 'unreachable' });
});

it('info is read', async () => {
  answering(200, '{"assistant_name":"Ada","language":"en","model":"jex-demo","model_is_demo":true,"made_where":"on this machine","version":"0.1.0","media_ports":{"udp_first":50000,"udp_last":50200,"tcp":7881},"keeps_history":true}');

  expect(await readInfo()).toEqual({
    assistantName: 'Ada',
    language: 'en',
    model: 'jex-demo',
    modelIsDemo: true,
    madeWhere: 'on this machine',
    version: '0.1.0',
    mediaPorts: { udpFirst: 50_000, udpLast: 50_200, tcp: 7_881 },
    keepsHistory: true,
  });
});

describe('pairing', () => {
  it('sends the code in the body alone', async () => {
    const fetched = answering(200, '{"paired":true}');

    await pair('BCDF-GHJK-LMNP-QRST');

    expect(fetched.mock.calls[0]?.[0]).toBe('/api/pair');
    expect(fetched.mock.calls[0]?.[1]).toMatchObject({ method: 'POST', body: '{"code":"BCDF-GHJK-LMNP-QRST"}' });
  });

  it('is asked for by one refusal and no other', async () => {
    answering(401, '{"error":{"code":"not_paired","message":"This browser is not paired","remedy":"Run jex pair"}}');
    expect(isNotPaired(await readInfo().catch((error: unknown) => error))).toBe(true);

    answering(403, '{"error":{"code":"wrong_origin","message":"Another page asked","remedy":""}}');
    expect(isNotPaired(await readInfo().catch((error: unknown) => error))).toBe(false);
    expect(isNotPaired(new ServerGone('gone'))).toBe(false);
  });
});
