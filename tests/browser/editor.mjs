// Opens n8n's editor as its owner: node editor.mjs URL EMAIL PASSWORD SECONDS. Prints what the page is called.
import { openBrowser, shot } from './browser.mjs';

const [url, email, password, seconds] = process.argv.slice(2);
const { page, close } = await openBrowser({ microphone: 'none' });
try {
  await page.goto(url);
  await page.waitForSelector('input[type=password]', { timeout: 60_000 });
  await page.fill('input[type=email], input[name=emailOrLdapLoginId]', email);
  await page.fill('input[type=password]', password);
  await page.keyboard.press('Enter');
  await page.getByText('Add to a list').first().click({ timeout: 60_000 });
  await page.waitForTimeout(Number(seconds) * 1000);
  await shot(page, 'n8n-editor');
  console.log(page.url());
} catch (error) {
  await shot(page, 'n8n-editor-failed');
  throw new Error(`the page shows: ${await page.locator('body').innerText()}`, { cause: error });
} finally {
  await close();
}
