// Chromium on LiveKit's own SDK meets the participant of this repository (its example, echo) on the real server.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { createServer as createSite } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { OUT, openBrowser } from './browser.mjs';
import { API_KEY, API_SECRET, LIVEKIT_URL, roomToken, startLivekit } from './livekit.mjs';

const SECONDS = 1_000;

describe('Chromium and the echo', { timeout: 300 * SECONDS }, () => {
  let livekit;
  let browser;
  let site;
  let sdk;
  let wire;
  let echo;
  /** Evaluates in the page; `person` is there what `meet` below made. */
  let inPage;

  before(async () => {
    sdk = readFileSync(join(pageModules(), 'livekit-client/dist/livekit-client.umd.js'), 'utf8');
    browser = await openBrowser({ args: ['--autoplay-policy=no-user-gesture-required'] });
    // An empty page, on a name from which a browser lets everything be used.
    site = createSite((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html>')).listen(0, '127.0.0.1');
    await once(site, 'listening');
    inPage = (...order) => browser.page.evaluate(...order);
  });

  after(async () => {
    await browser.close();
    site.close();
  });

  beforeEach(async () => {
    livekit = await startLivekit();
    wire = await openWire(Number(new URL(LIVEKIT_URL).port));
    const room = `talk-${crypto.randomUUID()}`;
    echo = await startEcho(room, wire.url);
    await browser.page.goto(`http://localhost:${site.address().port}`);
    await inPage(sdk);
    await inPage(meet, { url: LIVEKIT_URL, token: roomToken({ room, identity: 'anna' }) });
  });

  afterEach(async () => {
    await inPage(() => window.person.room.disconnect());
    await echo.kill();
    wire.close();
    await livekit.kill();
  });

  const hears = (hertz) => browser.page.waitForFunction((wanted) => Math.abs(window.person.hertz() - wanted) < 20, hertz, { timeout: 30 * SECONDS });
  const hearsNothing = () => browser.page.waitForFunction(() => window.person.loudness() < 0.001, null, { timeout: 30 * SECONDS });
  const say = (hertz) => inPage((wanted) => window.person.say(wanted), hertz);

  test('audio goes both ways, and silence too', async () => {
    await say(440);
    await hears(440);
    await say(1000);
    await hears(1000);

    // Chromium sends next to nothing of silence (DTX).
    await say(0);
    await hearsNothing();

    await say(440);
    await hears(440);
  });

  test('whoever mutes is seen and not heard', async () => {
    await say(440);
    await hears(440);

    await inPage(() => window.person.microphone.mute());
    await hearsNothing();
    await echo.says('muted: true');
    await inPage(() => window.person.microphone.unmute());
    await hears(440);

    await inPage(() => window.person.call('mute', 'true'));
    await browser.page.waitForFunction(() => window.person.voiceOfEcho().isMuted);
    await hearsNothing();
    await inPage(() => window.person.call('mute', 'false'));
    await hears(440);
  });

  test('chat is answered by transcripts in both names', async () => {
    const text = 'Grüße 🎉 '.repeat(4000);

    await inPage((typed) => window.person.room.localParticipant.sendText(typed, { topic: 'lk.chat' }), text);

    await browser.page.waitForFunction(() => window.person.texts.length === 2);
    const [theirs, ours] = await inPage(() => window.person.texts);
    assert.deepEqual([theirs.from, theirs.text], ['anna', text]);
    assert.deepEqual([ours.from, ours.text, ours.segment], ['echo', `You wrote: ${text}`, 'SG_ours']);
    assert.equal(await inPage(() => window.person.echo().attributes['lk.agent.state']), 'listening');
  });

  test('methods are called both ways', async () => {
    assert.equal(await inPage(() => window.person.call('echo', 'x'.repeat(10_000))), 'x'.repeat(10_000));
    assert.equal(await inPage(() => window.person.call('call-me', 'who-are-you')), 'anna, asked from echo');
    await assert.rejects(
      inPage(() => window.person.call('nothing', '')),
      /not supported/,
    );
  });

  test('a cut signal socket of either is mended unnoticed', async () => {
    await say(440);
    await hears(440);

    wire.cut();
    await echo.says('resumed');
    await say(1000);
    await hears(1000);
    await inPage(() => window.person.room.simulateScenario('signal-reconnect'));
    await browser.page.waitForFunction(() => window.person.events.includes('signalReconnecting') && window.person.room.state === 'connected');
    await say(440);
    await hears(440);

    assert.equal(await inPage(() => window.person.call('echo', 'still there?')), 'still there?');
    assert.ok(!(await inPage(() => window.person.events)).includes('participantDisconnected'), 'nobody left');
  });

  test('both are back after the server died', async () => {
    await say(440);
    await hears(440);

    await livekit.kill();
    livekit = await startLivekit();
    await echo.says('reconnected');
    await browser.page.waitForFunction(() => window.person.events.includes('reconnected'), null, { timeout: 40 * SECONDS });
    await say(1000);

    await hears(1000);
    await browser.page.waitForFunction(() => window.person.echo()?.attributes['lk.agent.state'] === 'listening');
    // What livekit-client 2.23 sends in the moment of its own return may never leave it.
    const answer = await inPage(() => window.person.call('echo', 'again').catch(() => window.person.call('echo', 'once more')));
    assert.match(answer, /again|once more/);
  });
});

/** Runs in the page: joins, speaks tones, and listens. */
async function meet({ url, token }) {
  const { LocalAudioTrack, Room, RoomEvent, Track } = window.LivekitClient;
  const context = new AudioContext();
  const voice = new OscillatorNode(context);
  const volume = new GainNode(context, { gain: 0 });
  const line = new MediaStreamAudioDestinationNode(context);
  voice.connect(volume).connect(line);
  voice.start();
  const ear = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });

  const room = new Room();
  const person = {
    room,
    texts: [],
    events: [],
    microphone: new LocalAudioTrack(line.stream.getAudioTracks()[0]),
    say(hertz) {
      volume.gain.value = hertz === 0 ? 0 : 0.3;
      voice.frequency.value = hertz;
    },
    loudness() {
      const samples = new Float32Array(ear.fftSize);
      ear.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    },
    /** The loudest frequency heard, 0 in silence. */
    hertz() {
      if (person.loudness() < 0.01) return 0;
      const levels = new Float32Array(ear.frequencyBinCount);
      ear.getFloatFrequencyData(levels);
      return (levels.indexOf(Math.max(...levels)) * context.sampleRate) / ear.fftSize;
    },
    echo: () => room.remoteParticipants.get('echo'),
    voiceOfEcho: () => person.echo().getTrackPublication(Track.Source.Microphone),
    call: (method, payload) => room.localParticipant.performRpc({ destinationIdentity: 'echo', method, payload }),
  };
  window.person = person;

  for (const event of [RoomEvent.SignalReconnecting, RoomEvent.Reconnected, RoomEvent.ParticipantDisconnected]) {
    room.on(event, () => person.events.push(event));
  }
  room.on(RoomEvent.TrackSubscribed, (track) => {
    // Chromium gives no samples of a remote track that no element plays.
    track.attach();
    new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track.mediaStreamTrack]) }).connect(ear);
  });
  room.registerTextStreamHandler('lk.transcription', async (reader, { identity }) => {
    const text = await reader.readAll();
    person.texts.push({ from: identity, text, segment: reader.info.attributes['lk.segment_id'] });
  });
  room.registerRpcMethod('who-are-you', async ({ payload }) => `anna, asked ${payload}`);
  await room.connect(url, token);
  await room.localParticipant.publishTrack(person.microphone, { source: Track.Source.Microphone });
}

/** The example, in a room; `says` waits for a line of its. */
async function startEcho(room, url) {
  const folder = process.env.JEX_BIN ?? new URL('../../target/release', import.meta.url).pathname;
  const env = { ...process.env, LIVEKIT_URL: url, LIVEKIT_API_KEY: API_KEY, LIVEKIT_API_SECRET: API_SECRET, RUST_LOG: 'livekit_participant=debug' };
  const child = spawn(join(folder, 'examples/echo'), [room], { env, stdio: ['ignore', 'pipe', openSync(join(OUT, 'echo.log'), 'a')] });
  const ended = once(child, 'exit');
  const said = [];
  const lines = createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
  const echo = {
    async says(wanted) {
      const signal = AbortSignal.timeout(30 * SECONDS);
      try {
        while (!said.includes(wanted)) await once(lines, 'line', { signal });
      } catch (error) {
        throw new Error(`the echo said only ${JSON.stringify(said)}`, { cause: error });
      }
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  await echo.says(`joined ${room} as echo`);
  return echo;
}

/** A way to the server that can be cut. */
async function openWire(port) {
  const ends = new Set();
  const listener = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const end of [near, far]) {
      ends.add(end);
      end.on('error', () => {}).on('close', () => {
        ends.delete(end);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = () => ends.forEach((end) => end.destroy());
  return {
    url: `ws://127.0.0.1:${listener.address().port}`,
    cut,
    close() {
      listener.close();
      cut();
    },
  };
}

/** What the page is built with, LiveKit's SDK among it. */
function pageModules() {
  const get = new URL('../../parts/modules/get', import.meta.url).pathname;
  const { stdout, stderr } = spawnSync(get, ['--have'], { encoding: 'utf8' });
  const path = /^page_modules = "(.*)"$/m.exec(stdout)?.[1];
  if (path === undefined) throw new Error(`the page's modules are missing: run ./dev parts\n${stderr}`);
  return path;
}
