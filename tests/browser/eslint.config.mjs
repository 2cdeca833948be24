// tests/all runs this beside the page's node_modules.
import js from '@eslint/js';

const NODE = ['AbortSignal', 'Buffer', 'URL', 'clearInterval', 'clearTimeout', 'console', 'crypto', 'fetch', 'process', 'setInterval', 'setTimeout'];
// In functions that are evaluated in the page.
const PAGE = ['DOMException', 'Event', 'HTMLMediaElement', 'cancelAnimationFrame', 'document', 'getComputedStyle', 'innerHeight', 'innerWidth', 'navigator', 'performance', 'requestAnimationFrame', 'window'];
const SOUND = ['AnalyserNode', 'AudioContext', 'GainNode', 'MediaStream', 'MediaStreamAudioDestinationNode', 'MediaStreamAudioSourceNode', 'OscillatorNode'];

export default [
  js.configs.recommended,
  {
    languageOptions: { globals: Object.fromEntries([...NODE, ...PAGE, ...SOUND].map((name) => [name, 'readonly'])) },
    rules: { 'no-unused-vars': ['error', { varsIgnorePattern: '^_$' }] },
  },
];
