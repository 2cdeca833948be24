// Serves the page as its owner gets it, from the real jex-web; only /api/* answers as a test says.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OUT } from './browser.mjs';
import { answers } from './livekit.mjs';
import { page, program } from './parts.mjs';

export const INFO = {
  assistant_name: 'JEX',
  language: 'en',
  model: 'jex-demo',
  model_is_demo: true,
  made_where: 'on this machine',
  version: '0.1.0',
  media_ports: { udp_first: 50000, udp_last: 50100, tcp: 7881 },
  keeps_history: true,
};

/**
 * `api` is asked at each request, so a test may change it: path, or method and path where it is no GET → (query) =>
 * [status, body].
 */
export async function servePage() {
  const api = {
    '/api/info': () => [200, INFO],
    '/api/health': () => [200, { livekit: 'ready', agent: 'ready' }],
    '/api/reminders': () => [200, { reminders: [] }],
    '/api/facts': () => [200, { facts: [] }],
    '/api/history': () => [200, { conversations: [], next: null }],
    '/api/tools': () => [200, { tools: [], sources: [] }],
    '/api/status': () => [200, { components: [] }],
    '/api/token': () => [503, { error: { code: 'livekit_unreachable', message: 'LiveKit does not answer', remedy: 'Look at `jex status`' } }],
  };
  const server = createServer((request, response) => {
    const { pathname: path, searchParams } = new URL(request.url, 'http://page');
    if (path.startsWith('/api/')) answer(response, api[request.method === 'DELETE' ? `DELETE ${path}` : path], searchParams);
    else forward(request, response, web.port);
  });
  const listen = (wanted) => new Promise((resolve) => server.listen(wanted, '127.0.0.1', resolve));
  let web = await startWeb();
  await listen(0);
  const { port } = server.address();

  return {
    api,
    url: `http://localhost:${port}`,
    /** As when jex-web dies: the port is closed, and nothing answers. */
    async stop() {
      await web.kill();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    async start() {
      web = await startWeb();
      await listen(port);
    },
  };
}

async function startWeb() {
  const home = mkdtempSync(join(tmpdir(), 'jex-web-'));
  const secrets = join(home, 'jex/secrets');
  mkdirSync(secrets, { recursive: true });
  for (const name of ['livekit-api-key', 'livekit-api-secret']) writeFileSync(join(secrets, name), 'of no server, but long enough for one', { mode: 0o600 });
  const port = await freePort();
  writeFileSync(join(home, 'jex.toml'), `[web]\nport = ${port}\npage = ${JSON.stringify(page())}\n`);

  const log = openSync(join(OUT, 'web.log'), 'a');
  const child = spawn(program('jex-web'), ['--config', join(home, 'jex.toml')], {
    env: { HOME: home, XDG_STATE_HOME: home },
    stdio: ['ignore', log, log],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await answers(port);
  return {
    port,
    async kill() {
      child.kill('SIGKILL');
      await ended;
      rmSync(home, { recursive: true });
    },
  };
}

function answer(response, scripted, query) {
  const [status, body] = scripted?.(query) ?? [404, { error: { code: 'not_found', message: 'There is no such thing', remedy: '' } }];
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(status === 204 ? undefined : JSON.stringify(body));
}

/** jex-web answers to its own name only. */
function forward(request, response, port) {
  const { method, url: path } = request;
  const headers = { ...request.headers, host: `localhost:${port}` };
  const onward = ask({ host: '127.0.0.1', port, path, method, headers }, (reply) => {
    response.writeHead(reply.statusCode, reply.headers);
    reply.pipe(response);
  });
  onward.once('error', () => response.destroy());
  request.pipe(onward);
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
