// Presses Talk in a real browser, says READY once the greeting is there, and stays until its input ends.
// Waits then until the page tells of trouble, and prints which, as JSON. Not one of this folder's own tests: tests/e2e runs it.
//
//   JEX_URL  where the page is (default http://localhost:3000)
import { openBrowser } from './browser.mjs';

const { page, close } = await openBrowser();
try {
  await page.goto(process.env.JEX_URL ?? 'http://localhost:3000');
  await page.getByRole('button', { name: 'Talk' }).click();
  await page.waitForSelector('[data-line=answer]', { timeout: 60_000 });
  process.stdout.write('READY\n');
  for await (const _ of process.stdin);
  const cards = page.locator('[data-trouble]');
  await cards.first().waitFor({ timeout: 20_000 });
  const troubles = await cards.evaluateAll((all) => all.map((card) => card.dataset.trouble));
  process.stdout.write(`${JSON.stringify({ troubles, complaints: page.complaints })}\n`);
} finally {
  await close();
}
