import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Page } from './Page';
import { Pairing } from './Pairing';

const CODE = 'WDJB-MJHT-KQRS-ZXCV';
const INFO = { assistant_name: 'Ada', language: 'en', model: 'jex-demo', model_is_demo: true, made_where: 'on this machine', version: '0.1.0', media_ports: null };
const WRONG = { error: { code: 'wrong_code', message: 'This code does not open JEX', remedy: 'Run `jex pair`' } };
const NOT_PAIRED = { error: { code: 'not_paired', message: 'This browser is not paired', remedy: 'Run `jex pair`' } };

type Answer = [number, unknown] | 'nothing';

/** Answers by path; what is sent to `/api/pair` is returned as it comes. */
function server(answers: Record<string, Answer>): string[] {
  const codes: string[] = [];
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
    if (path === '/api/pair') codes.push(String(init?.body));
    const answer = answers[path] ?? [404, {}];
    if (answer === 'nothing') return Promise.reject(new TypeError('Failed to fetch'));
    return Promise.resolve(new Response(JSON.stringify(answer[1]), { status: answer[0] }));
  });
  return codes;
}

const show = () => {
  const letIn = vi.fn();
  render(<Pairing letIn={letIn} />);
  return letIn;
};
const typeCode = async (code: string) => userEvent.type(screen.getByRole('textbox', { name: 'Code' }), `${code}{Enter}`);
const trouble = (id: string) => waitFor(() => expect(document.querySelector(`[data-trouble=${id}]`)).not.toBeNull());

beforeEach(() => history.replaceState(null, '', '/'));
afterEach(() => vi.unstubAllGlobals());

describe('the pairing view', () => {
  it('says where the code is, and hands in what is typed', async () => {
    const codes = server({ '/api/pair': [200, { paired: true }] });
    const letIn = show();
    expect(screen.getByRole('heading', { name: 'Pair this browser' })).toBeVisible();
    expect(screen.getByText('sudo jex pair')).toBeVisible();

    await typeCode(` ${CODE} `);

    await waitFor(() => expect(letIn).toHaveBeenCalledOnce());
    expect(codes).toEqual([JSON.stringify({ code: CODE })]);
  });

  it('takes the code from the address, and takes it out of there', async () => {
    const codes = server({ '/api/pair': [200, { paired: true }] });
    history.replaceState(null, '', `/pair#${CODE}`);

    const letIn = show();

    await waitFor(() => expect(letIn).toHaveBeenCalledOnce());
    expect(codes).toEqual([JSON.stringify({ code: CODE })]);
    expect(location.href).not.toContain(CODE);
  });

  it('says of a wrong code what to do, and leads back to the field', async () => {
    server({ '/api/pair': [403, WRONG], '/api/info': [401, NOT_PAIRED] });
    const letIn = show();

    await typeCode('BCDF-GHJK-LMNP-QRST');

    await trouble('wrong-code');
    expect(screen.getByRole('alert')).toHaveTextContent('This code does not open JEX.Run jex pair.');
    await userEvent.click(screen.getByRole('button', { name: 'Type it again' }));
    expect(screen.getByRole('textbox', { name: 'Code' })).toHaveFocus();
    expect(screen.getByRole('button', { name: 'Pair' })).toBeEnabled();
    expect(letIn).not.toHaveBeenCalled();
  });

  it('lets in who opens a used address again, being paired already', async () => {
    server({ '/api/pair': [403, WRONG], '/api/info': [200, INFO] });
    history.replaceState(null, '', `/pair#${CODE}`);

    const letIn = show();

    await waitFor(() => expect(letIn).toHaveBeenCalledOnce());
  });

  it('can be tried again when JEX did not answer', async () => {
    server({ '/api/pair': 'nothing' });
    const letIn = show();
    await typeCode(CODE);
    await trouble('page-server-gone');

    const codes = server({ '/api/pair': [200, { paired: true }] });
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));

    await waitFor(() => expect(letIn).toHaveBeenCalledOnce());
    expect(codes).toHaveLength(1);
  });

  it('asks nothing without a code', async () => {
    const codes = server({});
    show();

    await userEvent.click(screen.getByRole('button', { name: 'Pair' }));

    expect(screen.getByRole('textbox', { name: 'Code' })).toHaveFocus();
    expect(codes).toEqual([]);
  });
});

describe('the page', () => {
  // jsdom draws nothing.
  beforeEach(() => {
    HTMLCanvasElement.prototype.getContext = () => null;
  });

  it('shows pairing in place of Talk to a browser that is shut out', async () => {
    server({ '/api/info': [401, NOT_PAIRED] });

    render(<Page />);

    expect(await screen.findByRole('heading', { name: 'Pair this browser' })).toBeVisible();
    expect(screen.queryByRole('button', { name: 'Talk' })).toBeNull();
  });

  it('shows Talk to one that is let in', async () => {
    server({ '/api/info': [200, INFO] });

    render(<Page />);

    expect(await screen.findByText('Talk to Ada')).toBeVisible();
    expect(screen.getByRole('button', { name: 'Talk' })).toBeVisible();
    expect(screen.queryByRole('heading', { name: 'Pair this browser' })).toBeNull();
  });
});
