// An agent that does as a test says: the official Python SDK, as far from our own code as can be.
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { OUT } from './browser.mjs';
import { LIVEKIT_URL, roomToken } from './livekit.mjs';
import { part } from './parts.mjs';

const SCRIPT = fileURLToPath(new URL('agent.py', import.meta.url));

/** In the room, with its voice published, and listening. Its identity is that of any agent in this room, as our own has it. */
export async function startAgent(room, { identity = `agent-${room}`, ready = true } = {}) {
  const token = roomToken({ room, identity, agent: true });
  const child = spawn(part('peers_python'), [SCRIPT, LIVEKIT_URL, token], { stdio: ['pipe', 'pipe', openSync(join(OUT, 'agent.log'), 'a')] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const seen = [];
  const waiting = new Set();
  createInterface({ input: child.stdout }).on('line', (line) => {
    seen.push(JSON.parse(line));
    for (const look of waiting) look();
  });

  const agent = {
    identity,
    seen,
    tell: (...commands) => commands.forEach((command) => child.stdin.write(`${JSON.stringify(command)}\n`)),
    attributes: (values) => agent.tell({ do: 'attributes', values }),
    /** The first thing seen that fits. */
    saw(fits, seconds = 10) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = seen.find(fits);
          if (found === undefined) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(found);
        };
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`the agent saw only ${JSON.stringify(seen)}`));
        }, seconds * 1_000);
        waiting.add(look);
        look();
      });
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  await agent.saw(({ saw }) => saw === 'joined', 20);
  if (ready) agent.attributes({ 'lk.agent.state': 'listening', 'jex.hearing': 'false', 'jex.problem': '' });
  return agent;
}
