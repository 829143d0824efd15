// What the programs beside this one share: the browser, and how a page is looked at.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

// The packages are installed outside of the checkout, where an `import` would not look for them.
const installed = process.env.KITH_TEST_BROWSER_DIR
const executablePath = process.env.KITH_TEST_CHROMIUM
if (!installed || !executablePath) {
  console.error('`KITH_TEST_BROWSER_DIR` and `KITH_TEST_CHROMIUM` are not set: run the tests with `cargo xtask test`')
  process.exit(2)
}
const require = createRequire(join(installed, 'package.json'))
const { chromium } = require('playwright-core')
export const resolve = (file) => require.resolve(file)
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

export function launch() {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage',
    ],
  })
}

// What of the page does not fit, and what would keep someone from using it.
export async function look(page) {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] })
    const root = document.documentElement
    return {
      overflow: root.scrollWidth - root.clientWidth,
      ground: getComputedStyle(document.body).backgroundColor,
      violations: violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`),
    }
  })
}

// Where the focus is, and whether that can be seen.
export function focused() {
  const at = document.activeElement
  if (!at || at === document.body) return null
  const shown = at.type === 'radio' ? at.nextElementSibling : at
  return { tag: at.tagName, name: at.name || at.id || at.textContent.trim(), outlined: getComputedStyle(shown).outlineStyle === 'solid' }
}
