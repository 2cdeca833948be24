// Serves the exported page with headers as strict as jex-web's, and answers /api/* as a test says.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { page } from './parts.mjs';

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8' };

export const INFO = {
  assistant_name: 'JEX',
  language: 'en',
  model: 'jex-demo',
  model_is_demo: true,
  made_where: 'on this machine',
  version: '0.1.0',
  media_ports: { udp_first: 50000, udp_last: 50100, tcp: 7881 },
};

/** `api` is asked at each request, so a test may change it: path → () => [status, body]. */
export async function servePage({ livekit = 'ws://127.0.0.1:7880', port = 0 } = {}) {
  const files = readTree(page());
  const policy = contentSecurityPolicy(files, livekit);
  const api = {
    '/api/info': () => [200, INFO],
    '/api/health': () => [200, { livekit: 'ready', agent: 'ready' }],
    '/api/token': () => [503, { error: { code: 'livekit_unreachable', message: 'LiveKit does not answer', remedy: 'Look at `jex status`' } }],
  };

  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://page').pathname;
    if (path.startsWith('/api/')) return answer(response, api[path]);
    const name = path === '/' ? '/index.html' : path;
    const body = files.get(name) ?? files.get('/404.html');
    response.writeHead(files.has(name) ? 200 : 404, {
      'Content-Type': TYPES[files.has(name) ? extname(name) : '.html'] ?? 'application/octet-stream',
      'Content-Security-Policy': policy,
      'Permissions-Policy': 'microphone=(self), camera=(), geolocation=()',
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
    });
    response.end(body);
  });
  const listen = (wanted) => new Promise((resolve) => server.listen(wanted, '127.0.0.1', resolve));
  await listen(port);
  const bound = server.address().port;

  return {
    api,
    url: `http://localhost:${bound}`,
    /** As when jex-web dies: the port is closed, and nothing answers. */
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    start: () => listen(bound),
  };
}

function answer(response, scripted) {
  const [status, body] = scripted?.() ?? [404, { error: { code: 'not_found', message: 'There is no such thing', remedy: '' } }];
  // Never answers at all.
  if (status === 0) return;
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

function contentSecurityPolicy(files, livekit) {
  const hashes = new Set();
  for (const [name, body] of files) {
    if (!name.endsWith('.html')) continue;
    for (const [, script] of body.toString().matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)) {
      hashes.add(`'sha256-${createHash('sha256').update(script).digest('base64')}'`);
    }
  }
  const overHttp = livekit.replace(/^ws/, 'http');
  return [
    "default-src 'none'",
    `script-src 'self' ${[...hashes].join(' ')}`,
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'none'",
    `connect-src 'self' ${livekit} ${overHttp}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function readTree(root, under = '') {
  const files = new Map();
  for (const entry of readdirSync(join(root, under))) {
    const name = `${under}/${entry}`;
    if (statSync(join(root, name)).isDirectory()) for (const [path, body] of readTree(root, name)) files.set(path, body);
    else files.set(name, readFileSync(join(root, name)));
  }
  return files;
}
