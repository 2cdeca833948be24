// tests/all runs this beside the page's node_modules.
import js from '@eslint/js';

const NODE = ['Buffer', 'URL', 'clearInterval', 'clearTimeout', 'console', 'crypto', 'fetch', 'process', 'setInterval', 'setTimeout'];
// In functions that are evaluated in the page.
const PAGE = ['AudioContext', 'DOMException', 'Event', 'HTMLMediaElement', 'document', 'getComputedStyle', 'innerHeight', 'innerWidth', 'navigator', 'performance', 'window'];

export default [
  js.configs.recommended,
  {
    languageOptions: { globals: Object.fromEntries([...NODE, ...PAGE].map((name) => [name, 'readonly'])) },
    rules: { 'no-unused-vars': ['error', { varsIgnorePattern: '^_$' }] },
  },
];
