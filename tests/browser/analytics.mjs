// Sends a scenario through the real `@segment/analytics-next` in a real browser, from a page of another
// origin than Kith's, for the Rust tests.
//
//   node analytics.mjs < SCENARIO.json
//
// SCENARIO: { "url": "http://127.0.0.1:1234", "key": WRITE_KEY, "batched": false,
//             "calls": [["identify", "usr_1", { "name": "Ada" }]] }
//
// Makes each call in turn. Prints one line of JSON: the requests that the library made, with the status of
// each answer, and what the browser complained of.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { launch, resolve } from './browser.mjs'

const { url, key, batched, calls } = JSON.parse(readFileSync(0, 'utf8'))
const library = dirname(resolve('@segment/analytics-next/dist/umd/index.js'))

// The page of a customer's product, which has the library and its parts on its own server.
const site = createServer((request, response) => {
  const isScript = request.url.endsWith('.js')
  response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
  response.end(isScript ? readFileSync(join(library, basename(request.url))) : '<!doctype html><title>Shop</title>')
})
await new Promise((listening) => site.listen(0, '127.0.0.1', listening))

const browser = await launch()
const page = await browser.newPage()
const requests = []
const complaints = []
page.on('console', (message) => complaints.push(message.text()))
page.on('pageerror', (error) => complaints.push(String(error)))
page.on('response', (response) => {
  if (!response.url().startsWith(url)) return
  const request = response.request()
  requests.push({
    method: request.method(),
    path: response.url().slice(url.length),
    type: request.headers()['content-type'] ?? null,
    status: response.status(),
  })
})
await page.goto(`http://127.0.0.1:${site.address().port}/`)
await page.addScriptTag({ url: '/index.js' })
await page.evaluate(
  async ({ url, key, batched, calls }) => {
    const apiHost = `${url.replace('http://', '')}/v1`
    const delivery = batched ? { deliveryStrategy: { strategy: 'batching', config: { size: 100, timeout: 500 } } } : {}
    const [analytics] = await globalThis.AnalyticsNext.AnalyticsBrowser.load(
      { writeKey: key, cdnURL: url },
      { integrations: { 'Segment.io': { apiHost, protocol: 'http', ...delivery } } },
    )
    for (const [call, ...args] of calls) await analytics[call](...args)
    await new Promise((done) => setTimeout(done, 1500))
  },
  { url, key, batched, calls },
)
await browser.close()
site.close()
console.log(JSON.stringify({ requests, complaints }))
