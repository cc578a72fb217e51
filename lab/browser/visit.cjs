// Opens pages in Chromium: `node visit.cjs`, with a JSON object on the standard input:
//   {browser, link, pages: [url], expect: {url, now, then, after}}
// It opens the link, looks at each page on a desk and on a phone, light and dark, with axe-core, and then waits at
// `expect.url` for the text `now`, says "waiting" on the standard error, and waits for the text `then` without loading
// again. It prints what it found as JSON: {violations, foreign, errors, wide, live, loads}.
"use strict";

const fs = require("node:fs");
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const DESK = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const PATIENCE = 30000;

(async () => {
  const asked = JSON.parse(fs.readFileSync(0, "utf8"));
  const origin = new URL(asked.link).origin;
  const found = { violations: [], foreign: [], errors: [], wide: [], live: false, loads: 0 };
  const browser = await chromium.launch({ executablePath: asked.browser, args: QUIET });
  let state;

  async function opened(options) {
    const context = await browser.newContext({ ...options, storageState: state });
    const page = await context.newPage();
    page.on("request", (each) => each.url().startsWith(origin) || found.foreign.push(each.url()));
    page.on("pageerror", (error) => found.errors.push(String(error)));
    page.on("console", (said) => said.type() === "error" && found.errors.push(said.text()));
    page.on("dialog", (dialog) => {
      found.errors.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    return page;
  }

  const first = await opened(DESK);
  await first.goto(asked.link);
  state = await first.context().storageState();
  await first.context().close();

  for (const size of [DESK, PHONE]) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await opened({ ...size, colorScheme });
      for (const url of asked.pages) {
        await page.goto(url);
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        if (over > 0) found.wide.push({ url, over, width: size.viewport.width });
        await page.evaluate(`${axe};0`);
        const { violations } = await page.evaluate(() => axe.run());
        for (const { id, nodes } of violations) {
          for (const { html, failureSummary } of nodes) {
            found.violations.push({ url, colorScheme, rule: id, html, why: failureSummary });
          }
        }
      }
      await page.context().close();
    }
  }

  if (asked.expect) {
    const page = await opened(DESK);
    page.on("load", () => (found.loads += 1));
    await page.goto(asked.expect.url);
    await page.getByText(asked.expect.now).first().waitFor({ timeout: PATIENCE });
    await page.locator("#live", { hasText: /^Live$/ }).waitFor({ timeout: PATIENCE });
    console.error("waiting");
    await page.getByText(asked.expect.then).first().waitFor({ timeout: PATIENCE });
    found.live = true;
  }
  await browser.close();
  console.log(JSON.stringify(found));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
