// JEX as browsers on other machines see it: the real jex-web and LiveKit behind a proxy that ends TLS and passes on the
// name that was asked for.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as ask } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OUT } from './browser.mjs';
import { answers, API_KEY, API_SECRET } from './livekit.mjs';
import { freePort } from './page-server.mjs';
import { page, program } from './parts.mjs';

export const NAME = 'jex.test';
const LIVEKIT_PORT = 7880;

export async function serveAfar() {
  const home = mkdtempSync(join(tmpdir(), 'jex-afar-'));
  const webPort = await freePort();
  const front = createServer(certificate(home), (request, response) => forward(request, response, portOf(request, webPort)));
  // The server forgets those, and would wait for them for ever.
  const upgraded = new Set();
  front.on('upgrade', (request, socket, head) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    upgrade(request, socket, head, portOf(request, webPort));
  });
  await new Promise((resolve) => front.listen(0, '127.0.0.1', resolve));
  const url = `https://${NAME}:${front.address().port}`;
  const web = await startWeb(home, webPort, url);

  return {
    url,
    /** What `jex pair` shows. */
    address: () => readFileSync(join(home, 'jex/run/pairing-address'), 'utf8').trim(),
    sessions: () => JSON.parse(readFileSync(join(home, 'jex/sessions.json'), 'utf8')).sessions,
    /** As `jex pair --forget all` leaves it. */
    forgetAll: () => writeFileSync(join(home, 'jex/sessions.json'), '{"sessions":[]}'),
    async stop() {
      front.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await new Promise((resolve) => front.close(resolve));
      await web.kill();
      rmSync(home, { recursive: true });
    },
  };
}

function certificate(home) {
  const [key, cert] = [join(home, 'key.pem'), join(home, 'cert.pem')];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-days', '1', '-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`, ...made], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

async function startWeb(home, port, url) {
  const secrets = join(home, 'jex/secrets');
  mkdirSync(secrets, { recursive: true });
  writeFileSync(join(secrets, 'livekit-api-key'), API_KEY, { mode: 0o600 });
  writeFileSync(join(secrets, 'livekit-api-secret'), API_SECRET, { mode: 0o600 });
  writeFileSync(join(home, 'jex.toml'), `[web]\nport = ${port}\npage = ${JSON.stringify(page())}\npublic_urls = ["${url}"]\n`);
  const log = openSync(join(OUT, 'web-afar.log'), 'a');
  const child = spawn(program('jex-web'), ['--config', join(home, 'jex.toml')], { env: { HOME: home, XDG_STATE_HOME: home }, stdio: ['ignore', log, log] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await answers(port);
  // It listens a moment before it serves.
  await fetch(`http://localhost:${port}/health`);
  return {
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const portOf = (request, webPort) => (request.url.startsWith('/rtc') ? LIVEKIT_PORT : webPort);

function forward(request, response, port) {
  const { method, url: path } = request;
  const headers = { ...request.headers, 'x-forwarded-for': request.socket.remoteAddress };
  const onward = ask({ host: '127.0.0.1', port, path, method, headers }, (reply) => {
    response.writeHead(reply.statusCode, reply.headers);
    reply.pipe(response);
  });
  onward.once('error', () => response.destroy());
  request.pipe(onward);
}

function upgrade(request, socket, head, port) {
  const onward = connect(port, '127.0.0.1', () => {
    const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  const end = () => {
    socket.destroy();
    onward.destroy();
  };
  for (const one of [socket, onward]) one.once('error', end).once('close', end);
}
