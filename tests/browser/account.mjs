// Uses the page of an account of a running Kith in a real browser, by keyboard alone and without any
// script, for the Rust tests.
//
//   node account.mjs < VISITS.json
//
// VISITS: { "url": "http://127.0.0.1:1234", "screenshots": FOLDER,
//           "visits": [{ "name": "lea", "path": "/accounts/acc_…", "views": [["light", 1], ["dark", 2]],
//                        "fields": { "key": "kith_…" }, "then": { "viewAs": "support" } }] }
//
// Opens each page in each of its views (a colour scheme, and how much it is enlarged), fills in its form,
// then chooses what `then` says. Prints one line of JSON: what a person would see, and what the browser
// noticed. It judges nothing; the Rust test does.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { focused, launch, look } from './browser.mjs'

const { url, screenshots, visits } = JSON.parse(readFileSync(0, 'utf8'))
const browser = await launch()
const seen = await Promise.all(visits.flatMap((visit) => visit.views.map((view) => open(visit, view))))
await browser.close()
console.log(JSON.stringify(seen))

async function open({ name, path, fields, then }, [scheme, zoom]) {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width: 1280 / zoom, height: 900 / zoom },
  })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const requests = []
  const complaints = []
  const bodies = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('response', (response) => bodies.push(response.text().catch(() => '')))
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))

  await page.goto(url + path, { waitUntil: 'load' })
  const form = await see(page)
  const stops = await send(page, fields)
  const first = await see(page)
  await shoot(page, `${name}-${scheme}-${zoom}`)
  let second = null
  if (then) {
    stops.push(...(await send(page, then)))
    second = await see(page)
    await shoot(page, `${name}-then-${scheme}-${zoom}`)
  }
  await page.emulateMedia({ media: 'print' })
  const printed = await page.evaluate(() => ({
    form: document.querySelector('form.switch')?.checkVisibility() ?? false,
    text: document.querySelector('main').innerText,
  }))
  const kept = await page.evaluate(() => ({
    address: location.href,
    storage: localStorage.length + sessionStorage.length,
  }))
  kept.cookies = (await context.cookies()).length
  kept.bodies = (await Promise.all(bodies)).join('\n')
  await context.close()
  return { name, scheme, zoom, form, first, second, printed, stops, requests, complaints, kept }
}

// Goes through the page stop by stop, fills in and chooses what is asked for, and sends the form.
async function send(page, fields) {
  const stops = []
  for (;;) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate(focused)
    if (!stop || stops.length > 40) throw new Error(`no button to send ${Object.keys(fields)}`)
    stops.push(stop)
    if (stop.name in fields && stop.tag === 'INPUT') await page.keyboard.insertText(fields[stop.name])
    if (stop.name in fields && stop.tag === 'SELECT') {
      for (let step = 0; step < 40; step += 1) {
        if ((await page.evaluate(() => document.activeElement.value)) === fields[stop.name]) break
        await page.keyboard.press('ArrowDown')
      }
    }
    if (stop.tag === 'SUMMARY' && 'identityToken' in fields) await page.keyboard.press('Enter')
    if (stop.tag === 'BUTTON') break
  }
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
  return stops
}

async function see(page) {
  return {
    ...(await look(page)),
    ...(await page.evaluate(() => ({
      title: document.title,
      heading: document.querySelector('h1').textContent,
      text: document.querySelector('main').innerText,
      chips: [...document.querySelectorAll('.chip')].map((chip) => chip.textContent),
      checks: [...document.querySelectorAll('.checks li')].map((line) => [
        line.className,
        line.querySelector('strong').textContent,
      ]),
      scripts: document.scripts.length,
    }))),
  }
}

async function shoot(page, name) {
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
}
