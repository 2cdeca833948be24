// Chromium as an owner has it, but for its microphone, and for what would make it speak to the outside.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { axeSource, chromium, part } from './parts.mjs';

export const OUT = process.env.JEX_TEST_OUT ?? mkdtempSync(join(tmpdir(), 'jex-browser-'));
mkdirSync(OUT, { recursive: true });

// Chromium's maker, whom it calls on its own account. By full name: anything else, a STUN server above all, must show.
const MAKERS_HOSTS = [
  'accounts.google.com',
  'android.clients.google.com',
  'clients2.google.com',
  'clientservices.googleapis.com',
  'content-autofill.googleapis.com',
  'optimizationguide-pa.googleapis.com',
  'passwordsleakcheck-pa.googleapis.com',
  'safebrowsing.googleapis.com',
  'update.googleapis.com',
];

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-domain-reliability',
  '--no-pings',
  '--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider,Translate',
];

/** `hosts` are names of this machine that no resolver knows. */
function resolver(hosts) {
  const rules = [...MAKERS_HOSTS.map((host) => `MAP ${host} ~NOTFOUND`), ...hosts.map((host) => `MAP ${host} 127.0.0.1`)];
  return `--host-resolver-rules=${rules.join(', ')}`;
}

/**
 * `microphone`: 'fake' (a tone), the path of a wav (played once), 'denied', or 'none'.
 * What the page reports against its policy or writes as an error is collected in `page.complaints`.
 */
export async function openBrowser({ microphone = 'fake', viewport = { width: 1440, height: 900 }, dark = false, calm = false, hosts = [], args = [] } = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'jex-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: part('chromium'),
    headless: true,
    viewport,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: calm ? 'reduce' : 'no-preference',
    // The full Chromium: its old headless shell has no microphone worth the name.
    // Of the names that only a test knows, the certificates are its own, too.
    ignoreHTTPSErrors: hosts.length > 0,
    args: ['--headless=new', resolver(hosts), ...QUIET, ...microphoneArgs(microphone), ...args],
    ignoreDefaultArgs: ['--mute-audio', '--disable-field-trial-config'],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) page.complaints.push(`console: ${message.text()}`);
  });
  await page.exposeFunction('reportViolation', (text) => page.complaints.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  return {
    context,
    page,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function microphoneArgs(microphone) {
  switch (microphone) {
    case 'fake':
      return ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
    case 'denied':
      return ['--use-fake-device-for-media-stream', '--deny-permission-prompts'];
    case 'none':
      return ['--use-fake-ui-for-media-stream', '--disable-audio-input'];
    default:
      return ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-audio-capture=${microphone}%noloop`];
  }
}

/** Violations of accessibility, readable. Run as the page's debugger: its policy lets no foreign script in. */
export async function accessibilityViolations(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
}

/** Whatever of the conversation cannot be scrolled into sight between the header and the bar, as text. */
export async function outOfSight(page) {
  return page.evaluate(() => {
    const top = document.querySelector('header').getBoundingClientRect().bottom;
    const bottom = document.querySelector('footer').getBoundingClientRect().top;
    const all = [...document.querySelectorAll('main p, main button, main summary, main canvas')];
    const shown = all.filter((element) => element.getBoundingClientRect().width > 1 && element.closest('.sr-only') === null);
    const hidden = shown.filter((element) => {
      // Its two ends one after the other: it may be taller than what is between header and bar.
      element.scrollIntoView({ block: 'start' });
      const begins = element.getBoundingClientRect();
      element.scrollIntoView({ block: 'end' });
      const ends = element.getBoundingClientRect();
      return begins.top < top - 1 || begins.top > bottom || ends.bottom < top || ends.bottom > bottom + 1 || ends.left < 0 || ends.right > innerWidth;
    });
    const page = document.documentElement;
    if (page.scrollHeight > innerHeight || page.scrollWidth > innerWidth) hidden.push(page);
    return hidden.map((element) => element.innerText?.slice(0, 60) || element.tagName);
  });
}

export async function shot(page, name) {
  await page.screenshot({ path: join(OUT, `${name}.png`) });
}
