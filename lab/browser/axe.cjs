// Looks at pages with axe-core in jsdom, which has no layout: whatever is not about colours. `node axe.cjs FILE...`
// prints a JSON list of what axe finds, with the file, the rule and the element.
"use strict";

const fs = require("node:fs");
const { JSDOM } = require("jsdom");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

async function look(file) {
  const page = new JSDOM(fs.readFileSync(file, "utf8"), { runScripts: "outside-only" });
  page.window.eval(axe);
  const found = await page.window.axe.run(page.window.document, {
    rules: { "color-contrast": { enabled: false } },
  });
  if (!found.passes.length) throw new Error(`axe looked at nothing of ${file}`);
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => ({ file, rule: id, html, why: failureSummary })),
  );
}

(async () => {
  const found = [];
  for (const file of process.argv.slice(2)) found.push(...(await look(file)));
  console.log(JSON.stringify(found));
})();
