/** How loud a track is, from its samples: 0 (silence) to 1 (full scale). */

/** Digital silence, or as good as: -60 dBFS. */
export const SILENCE = 0.001;

const FFT_SIZE = 512;

/** One context for the page: each costs a thread. It plays nothing, so it takes no sound device where the browser allows that. */
let shared: AudioContext | null = null;

function context(): AudioContext {
  if (shared === null) {
    try {
      shared = new AudioContext({ sinkId: { type: 'none' } } as AudioContextOptions);
    } catch {
      shared = new AudioContext({ latencyHint: 'playback' });
    }
  }
  if (shared.state === 'suspended') void shared.resume();
  return shared;
}

export class Level {
  private readonly source: MediaStreamAudioSourceNode;
  private readonly analyser: AnalyserNode;
  private readonly samples = new Float32Array(FFT_SIZE);

  constructor(track: MediaStreamTrack) {
    const audio = context();
    this.source = audio.createMediaStreamSource(new MediaStream([track]));
    this.analyser = audio.createAnalyser();
    this.analyser.fftSize = FFT_SIZE;
    this.source.connect(this.analyser);
  }

  /** Root mean square of the last 512 samples. */
  rms(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return Math.sqrt(sum / FFT_SIZE);
  }

  close() {
    this.source.disconnect();
  }
}

/** What the eye makes of it: -50 dBFS is nothing, -10 dBFS is all. */
export function visible(rms: number): number {
  if (rms <= 0) return 0;
  return Math.min(1, Math.max(0, (20 * Math.log10(rms) + 50) / 40));
}
