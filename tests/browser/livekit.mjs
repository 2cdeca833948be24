// The real LiveKit server for a test, and tokens for its rooms.
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { openSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { OUT } from './browser.mjs';
import { part } from './parts.mjs';

const KEY = 'browser-tests';
const SECRET = 'a secret that only these tests know, and long enough';
export const LIVEKIT_URL = 'ws://127.0.0.1:7880';

/** `address` is the one that browsers reach it by: libwebrtc ignores loopback. */
export async function startLivekit({ address = '10.99.0.1' } = {}) {
  const config = {
    port: 7880,
    bind_addresses: ['127.0.0.1'],
    rtc: { tcp_port: 7881, port_range_start: 50000, port_range_end: 50100, node_ip: address, use_external_ip: false, stun_servers: [`${address}:3478`], enable_loopback_candidate: address === '127.0.0.1' },
    keys: { [KEY]: SECRET },
    logging: { level: 'warn' },
  };
  const log = openSync(join(OUT, 'livekit.log'), 'a');
  const child = spawn(part('livekit_server'), ['--config-body', JSON.stringify(config)], { stdio: ['ignore', log, log] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await answers(7880);
  return {
    /** As when the machine loses it: nobody is told. */
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    /** In an orderly way; the first signal alone would wait for everybody to leave. */
    async stop() {
      child.kill('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export function roomToken({ room, identity, agent = false }) {
  return sign({
    sub: identity,
    video: agent
      ? { roomJoin: true, room, canUpdateOwnMetadata: true, agent: true }
      : { roomJoin: true, room, canPublish: true, canPublishSources: ['microphone'], canSubscribe: true, canPublishData: true, canUpdateOwnMetadata: false },
    ...(agent ? { kind: 'agent' } : {}),
  });
}

/** As an owner of the server may: everybody in the room is sent away. */
export async function deleteRoom(room) {
  await ask('DeleteRoom', { roomCreate: true }, { room });
}

/** Has LiveKit give the participant another token, as it does every five minutes, and when what a token says is changed. */
export async function renewToken(room, identity) {
  await ask('UpdateParticipant', { roomAdmin: true, room }, { room, identity, metadata: 'another' });
}

async function ask(method, video, body) {
  const { status } = await fetch(`http://127.0.0.1:7880/twirp/livekit.RoomService/${method}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${sign({ video })}` },
    body: JSON.stringify(body),
  });
  if (status !== 200) throw new Error(`LiveKit answered ${status}`);
}

function sign(grants) {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: KEY, nbf: now - 5, exp: now + 300, ...grants };
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`;
}

/** What jex-web answers to POST /api/token; `joins` is told each room it lets somebody into. */
export function tokenEndpoint(joins = () => {}, lifetimeSeconds = 300) {
  return () => {
    const room = `talk-${crypto.randomUUID()}`;
    const identity = `caller-${crypto.randomUUID().slice(0, 8)}`;
    joins(room, identity);
    return [
      200,
      { server_url: LIVEKIT_URL, participant_token: roomToken({ room, identity }), room_name: room, participant_identity: identity, expires_in_seconds: lifetimeSeconds },
    ];
  };
}

/** Somebody listens on this port. */
export async function answers(port) {
  for (const end = Date.now() + 15_000; ; ) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => socket.destroy());
      socket.once('connect', () => socket.end());
    });
    if (open) return;
    if (Date.now() > end) throw new Error(`nothing answers on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export { KEY as API_KEY, SECRET as API_SECRET };
