// Sends a scenario through a real client library, unmodified, for the Rust tests.
//
//   node drive.mjs CLIENT BASE_URL WRITE_KEY [SCENARIO.json]      (without a file: standard input)
//
// CLIENT is one of those below. The scenario is described in ../README.md. Prints one line of JSON and
// leaves with 1 if the library reported any error, with 2 if it was called wrongly.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

// The packages are installed outside of the checkout, where an `import` would not look for them.
const installed = process.env.KITH_TEST_NODE_DIR
if (!installed) {
  usage('`KITH_TEST_NODE_DIR` is not set: run the tests with `cargo xtask test`')
}
const require = createRequire(join(installed, 'package.json'))

const [client, host, writeKey, file] = process.argv.slice(2)
const drive = { segment, rudder, posthog, jitsu }[client]
if (!drive || !host || !writeKey) {
  usage('call it as `node drive.mjs CLIENT BASE_URL WRITE_KEY [SCENARIO.json]`')
}
const { calls, maxRetries = 0 } = JSON.parse(readFileSync(file ?? 0, 'utf8'))

// Some libraries tell of each try, also of those that they make again.
const tries = []
const report = { sent: 0, delivered: 0, byType: {}, messageIds: [], errors: [] }
for (const { type } of calls) {
  report.sent += 1
  report.byType[type] = (report.byType[type] ?? 0) + 1
}
await drive()
if (report.delivered !== report.sent) report.errors.push(...tries)
if (report.errors.length === 0 && report.delivered !== report.sent) {
  report.errors.push(`only ${report.delivered} of ${report.sent} calls were delivered in time`)
}
console.log(JSON.stringify(report))
process.exit(report.errors.length === 0 ? 0 : 1)

async function segment() {
  const { Analytics } = require('@segment/analytics-node')
  const analytics = new Analytics({ host, writeKey, maxRetries, flushAt: 100 })
  analytics.on('error', ({ code, reason }) => tries.push(`${code}: ${describe(reason)}`))
  for (const { type, ...call } of calls) {
    analytics[type](call, (error, context) => {
      report.messageIds.push(context.event.messageId)
      if (!error) report.delivered += 1
    })
  }
  await analytics.flush({ close: true, timeout: 30_000 })
}

async function rudder() {
  const Analytics = require('@rudderstack/rudder-sdk-node')
  const errorHandler = (error) => report.errors.push(describe(error))
  const options = { dataPlaneUrl: host, flushAt: 100, retryCount: maxRetries, logLevel: 'silent', errorHandler }
  const analytics = new Analytics(writeKey, options)
  for (const { type, ...call } of calls) {
    analytics[type](call, (error) => {
      if (!error) report.delivered += 1
    })
  }
  // The first call is sent at once, and the rest when asked.
  await analytics.flush()
  await until(() => report.delivered === report.sent || report.errors.length > 0)
}

async function posthog() {
  const { PostHog } = require('posthog-node')
  const options = { host, flushAt: 100, fetchRetryCount: maxRetries, fetchRetryDelay: 1000 }
  const analytics = new PostHog(writeKey, options)
  analytics.on('error', (error) => tries.push(describe(error)))
  analytics.on('flush', (sent) => {
    report.delivered += sent.length
    report.messageIds.push(...sent.map(({ uuid }) => uuid))
  })
  for (const { type, userId: distinctId, groupId, context, ...call } of calls) {
    const groups = context?.groupId ? { groups: { company: context.groupId } } : {}
    if (type === 'identify') {
      analytics.capture({ distinctId, event: '$identify', properties: { $set: call.traits }, ...groups })
    } else if (type === 'group') {
      analytics.groupIdentify({ groupType: 'company', groupKey: groupId, properties: call.traits, distinctId })
    } else if (type === 'alias') {
      analytics.alias({ distinctId, alias: call.previousId })
    } else {
      analytics.capture({ distinctId, event: call.event, properties: call.properties, ...groups })
    }
  }
  await analytics.shutdown()
}

async function jitsu() {
  const { jitsuAnalytics } = require('@jitsu/js')
  // The library takes no key without a colon.
  const analytics = jitsuAnalytics({ host, writeKey: `kith:${writeKey}`, s2s: true })
  for (const { type, ...call } of calls) {
    if (type === 'identify') await analytics.identify(call.userId, call.traits)
    else if (type === 'group') await analytics.group(call.groupId, call.traits)
    else await analytics[type](call.event ?? call.name, call.properties)
    report.delivered += 1
  }
}

async function until(holds) {
  for (let tries = 0; tries < 300 && !holds(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function describe(reason) {
  return reason?.message ?? String(reason)
}

function usage(message) {
  console.error(`drive.mjs: ${message}`)
  process.exit(2)
}
