/** Draws the one shape: a ring that breathes, follows a voice, turns or stands still. */

import type { Voice } from '@/talk/voice';

export interface Moment {
  voice: Voice;
  /** Seconds. */
  time: number;
  /** 0 to 1: the microphone's while hearing, the agent's while speaking. */
  level: number;
  still: boolean;
}

const POINTS = 48;
const TURN = Math.PI * 2;
/** What a step takes of each second; then the ring rests. */
const STEP = 1 / 3;

/** `size` is the side of the square, in the context's units. The colour is the context's `strokeStyle`. */
export function drawVoice(context: CanvasRenderingContext2D, size: number, moment: Moment): void {
  context.clearRect(0, 0, size, size);
  context.lineCap = 'round';

  switch (moment.voice) {
    case 'idle':
      return arc(context, size, { alpha: 0.45 });
    case 'trouble':
      return arc(context, size, { alpha: 0.8, from: 0.04, to: 0.96, at: -0.25 });
    case 'connecting':
      return turning(context, size, moment, { sweep: 0.2, secondsPerTurn: 2.4 });
    case 'thinking':
      return turning(context, size, moment, { sweep: 0.7, secondsPerTurn: 5 });
    case 'acting':
      return steps(context, size, moment);
    case 'listening': {
      const breath = moment.still ? 0 : Math.sin((moment.time * TURN) / 5);
      disc(context, size, 0.05 + 0.015 * breath, 1 + 0.03 * breath);
      return arc(context, size, { alpha: 0.9, scale: 1 + 0.03 * breath });
    }
    case 'hearing':
      disc(context, size, 0.08, 0.85 + 0.25 * moment.level);
      return wave(context, size, moment, { alpha: 1, width: 1.6, reach: 0.5, phase: 0 });
    case 'speaking':
      disc(context, size, 0.1 + 0.12 * moment.level, 1);
      wave(context, size, moment, { alpha: 0.25, width: 1, reach: 1.5, phase: 2 });
      wave(context, size, moment, { alpha: 0.5, width: 1, reach: 1.1, phase: 1 });
      return wave(context, size, moment, { alpha: 1, width: 2.2, reach: 0.8, phase: 0 });
  }
}

function radius(size: number): number {
  return size * 0.34;
}

function hairline(size: number): number {
  return Math.max(1.5, size * 0.011);
}

interface Arc {
  alpha: number;
  scale?: number;
  /** Parts of a turn. */
  from?: number;
  to?: number;
  at?: number;
}

function arc(context: CanvasRenderingContext2D, size: number, { alpha, scale = 1, from = 0, to = 1, at = 0 }: Arc): void {
  context.globalAlpha = alpha;
  context.lineWidth = hairline(size);
  context.beginPath();
  context.arc(size / 2, size / 2, radius(size) * scale, (at + from) * TURN, (at + to) * TURN);
  context.stroke();
}

function turning(context: CanvasRenderingContext2D, size: number, { time, still }: Moment, turn: { sweep: number; secondsPerTurn: number }): void {
  const at = still ? -0.25 : (time / turn.secondsPerTurn) % 1;
  arc(context, size, { alpha: 0.18 });
  arc(context, size, { alpha: 1, to: turn.sweep, at });
}

/** Seconds until the shape moves again: it need not be drawn before. */
export function restsFor({ voice, time }: Moment): number {
  const inSecond = time % 1;
  return voice === 'acting' && inSecond >= STEP ? 1 - inSecond : 0;
}

/** A ring in three parts that turns step by step, like a machine at work. */
function steps(context: CanvasRenderingContext2D, size: number, { time, still }: Moment): void {
  const parts = 3;
  const whole = Math.floor(time);
  const turned = still ? 0 : whole + Math.min(1, (time - whole) / STEP);
  arc(context, size, { alpha: 0.18 });
  for (let part = 0; part < parts; part += 1) arc(context, size, { alpha: 1, to: 0.2, at: -0.25 + part / parts + turned / (2 * parts) });
}

function disc(context: CanvasRenderingContext2D, size: number, alpha: number, scale: number): void {
  context.globalAlpha = alpha;
  context.fillStyle = context.strokeStyle;
  context.beginPath();
  context.arc(size / 2, size / 2, radius(size) * scale, 0, TURN);
  context.fill();
}

interface Wave {
  alpha: number;
  width: number;
  reach: number;
  phase: number;
}

function wave(context: CanvasRenderingContext2D, size: number, { time, level, still }: Moment, { alpha, width, reach, phase }: Wave): void {
  const clock = still ? 0 : time;
  const height = still ? 0 : size * 0.05 * level * reach;
  const base = radius(size) * (1 + 0.04 * level);
  context.globalAlpha = alpha;
  context.lineWidth = hairline(size) * width;
  context.beginPath();
  for (let point = 0; point <= POINTS; point += 1) {
    const angle = (point / POINTS) * TURN;
    const bend =
      Math.sin(angle * 3 + clock * 2.1 + phase) * 0.5 + Math.sin(angle * 5 - clock * 3.3 + phase * 2) * 0.3 + Math.sin(angle * 2 + clock * 1.3 - phase) * 0.4;
    const distance = base + height * bend;
    const x = size / 2 + Math.cos(angle) * distance;
    const y = size / 2 + Math.sin(angle) * distance;
    if (point === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  context.closePath();
  context.stroke();
}
