// The main job, in a real browser, on the real stack: press Talk, ask, hear the answer.
//
// Not one of this folder's own tests: tests/e2e starts the stack, has the question spoken, and runs it.
//
//   JEX_QUESTION_WAV  what the microphone plays once, from the moment it is opened
//   JEX_URL           where the page is (default http://localhost:3000)
//   JEX_TEST_OUT      talk.json (what the page showed), talk.wav (the answer as it reached the browser) and
//                     microphone.wav (what Chromium made of the recording, before anything of ours had it) go here
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OUT, openBrowser, shot } from './browser.mjs';
import { wav } from './wav.mjs';

const SECONDS = 1_000;
const RATE = 16_000;
const url = process.env.JEX_URL ?? 'http://localhost:3000';
const question = process.env.JEX_QUESTION_WAV;

test('a question is asked by voice and answered by voice', { timeout: 200 * SECONDS }, async () => {
  assert.ok(question, 'JEX_QUESTION_WAV names no recording');
  const { page, close } = await openBrowser({ microphone: question });
  const hosts = new Set();
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  page.on('websocket', (socket) => hosts.add(new URL(socket.url()).host));
  await page.addInitScript(recordMicrophone);
  try {
    await page.goto(url);
    await page.getByRole('button', { name: 'Talk' }).click();

    const lines = page.locator('[data-line]');
    await page.waitForSelector('[data-line=answer]', { timeout: 60 * SECONDS });
    await record(page);
    const troubleAtFirst = await page.locator('[data-trouble]').allInnerTexts();

    await page.waitForSelector('[data-line=said][data-final=true]', { timeout: 60 * SECONDS });
    const start = await samplesSoFar(page);
    const said = page.locator('[data-line=said][data-final=true]').first();
    const heard = (await said.innerText()).replace(/^You:\s*/, '').trim();
    // The answer to it is the one below it, whole, with its account, and nothing more to come.
    await page.waitForFunction(
      () => {
        const all = [...document.querySelectorAll('[data-line]')];
        const answers = all.slice(all.findIndex((line) => line.dataset.line === 'said') + 1).filter((line) => line.dataset.line === 'answer');
        return answers.length > 0 && answers.every((line) => line.dataset.state === 'finished' && line.querySelector('details') !== null);
      },
      null,
      { timeout: 90 * SECONDS },
    );
    await page.waitForSelector('canvas[data-voice=listening]', { timeout: 30 * SECONDS });
    // What is still in the jitter buffer.
    await page.waitForTimeout(1 * SECONDS);

    const greeting = await page.locator('[data-line=answer] [data-words]').first().innerText();
    const samples = (await recorded(page)).subarray(start);
    const spoken = await microphoneSoFar(page);
    const answer = (await page.locator('[data-line=said] >> xpath=../following-sibling::li >> css=[data-words]').allInnerTexts()).join(' ').trim();
    await page.getByText('How it was made').last().click();
    const made = await page.locator('dl').last().innerText();
    const mark = await page.locator('header').innerText();
    await shot(page, 'talk');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Talk' }).waitFor();

    const seen = { greeting, heard, answer, made, mark, lines: await lines.allInnerTexts(), hosts: [...hosts], troubleAtFirst, complaints: page.complaints };
    writeFileSync(join(OUT, 'talk.json'), JSON.stringify(seen, null, 2));
    writeFileSync(join(OUT, 'talk.wav'), wav(RATE, samples));
    writeFileSync(join(OUT, 'microphone.wav'), wav(spoken.rate, spoken.samples));
    assert.notEqual(greeting, '');
    assert.notEqual(heard, '');
    assert.notEqual(answer, '');
    assert.match(mark, /on this machine/);
    assert.match(made, /From your last word to the first sound/);
    assert.ok(loudness(samples) > 300, `the answer was silent: ${loudness(samples)}`);
    assert.deepEqual(troubleAtFirst, []);
    assert.deepEqual(page.complaints, []);
    assert.deepEqual([...hosts].filter((host) => !/^(localhost|127\.0\.0\.1|\[::1\]):/.test(host)), []);
  } catch (error) {
    await shot(page, 'talk-failed');
    writeFileSync(join(OUT, 'talk-failed.txt'), await page.locator('body').innerText());
    throw error;
  } finally {
    await close();
  }
});

/** Runs in the page before its own code: keeps what every microphone gives. A busy machine makes Chromium's fake one drop some. */
function recordMicrophone() {
  window.microphone = { rate: 0, chunks: [] };
  const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await getUserMedia(wanted);
    for (const track of stream.getAudioTracks()) keep(track.clone());
    return stream;
  };
  async function keep(track) {
    const chunks = [];
    window.microphone.chunks = chunks;
    for await (const data of new window.MediaStreamTrackProcessor({ track, maxBufferSize: 1000 }).readable) {
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      window.microphone.rate = data.sampleRate;
      data.close();
      chunks.push(Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32_767));
    }
  }
}

async function microphoneSoFar(page) {
  const { rate, samples } = await page.evaluate(() => ({ rate: window.microphone.rate, samples: window.microphone.chunks.flatMap((chunk) => Array.from(chunk)) }));
  return { rate, samples: Int16Array.from(samples) };
}

/** Records what the page plays, from now on: a ScriptProcessor, for a worklet would need a script that the policy forbids. */
async function record(page) {
  await page.waitForFunction(() => [...document.querySelectorAll('audio')].some((audio) => audio.srcObject !== null), null, { timeout: 30 * SECONDS });
  await page.evaluate((rate) => {
    const audio = [...document.querySelectorAll('audio')].find((element) => element.srcObject !== null);
    const context = new AudioContext({ sampleRate: rate });
    const source = context.createMediaStreamSource(audio.srcObject);
    const tap = context.createScriptProcessor(4096, 1, 1);
    window.recordedChunks = [];
    tap.onaudioprocess = ({ inputBuffer }) => {
      window.recordedChunks.push(Int16Array.from(inputBuffer.getChannelData(0), (sample) => Math.max(-1, Math.min(1, sample)) * 32_767));
    };
    source.connect(tap).connect(context.destination);
    // Nodes that nothing holds are collected.
    window.recorder = { context, source, tap };
  }, RATE);
}

const samplesSoFar = (page) => page.evaluate(() => window.recordedChunks.reduce((sum, chunk) => sum + chunk.length, 0));

async function recorded(page) {
  const chunks = await page.evaluate(() => window.recordedChunks.map((chunk) => Array.from(chunk)));
  return Int16Array.from(chunks.flat());
}

function loudness(samples) {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}
