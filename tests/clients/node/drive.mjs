// Sends a scenario through the real `@segment/analytics-node`, unmodified, for the Rust tests.
//
//   node drive.mjs BASE_URL WRITE_KEY [SCENARIO.json]      (without a file: standard input)
//
// The scenario is described in ../README.md. Prints one line of JSON and leaves with 1 if the
// library reported any error, with 2 if it was called wrongly.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

// The packages are installed outside of the checkout, where an `import` would not look for them.
const installed = process.env.KITH_TEST_NODE_DIR
if (!installed) {
  usage('`KITH_TEST_NODE_DIR` is not set: run the tests with `cargo xtask test`')
}
const { Analytics } = createRequire(join(installed, 'package.json'))('@segment/analytics-node')

const [host, writeKey, file] = process.argv.slice(2)
if (!host || !writeKey) {
  usage('call it as `node drive.mjs BASE_URL WRITE_KEY [SCENARIO.json]`')
}
const { calls, maxRetries = 0 } = JSON.parse(readFileSync(file ?? 0, 'utf8'))

const report = { sent: 0, delivered: 0, byType: {}, messageIds: [], errors: [] }
const analytics = new Analytics({ host, writeKey, maxRetries, flushAt: 100 })
analytics.on('error', ({ code, reason }) => report.errors.push(`${code}: ${describe(reason)}`))

for (const { type, ...call } of calls) {
  analytics[type](call, (error, context) => {
    report.messageIds.push(context.event.messageId)
    if (!error) report.delivered += 1
  })
  report.sent += 1
  report.byType[type] = (report.byType[type] ?? 0) + 1
}
await analytics.flush({ close: true, timeout: 30_000 })

if (report.errors.length === 0 && report.delivered !== report.sent) {
  report.errors.push(`only ${report.delivered} of ${report.sent} calls were delivered in time`)
}
console.log(JSON.stringify(report))
process.exit(report.errors.length === 0 ? 0 : 1)

function describe(reason) {
  return reason?.message ?? String(reason)
}

function usage(message) {
  console.error(`drive.mjs: ${message}`)
  process.exit(2)
}
