// Uses the page `/explain` of a running Kith in a real browser, by keyboard alone, for the Rust tests.
//
//   node explain.mjs < QUESTIONS.json
//
// QUESTIONS: { "url": "http://127.0.0.1:1234", "screenshots": FOLDER,
//              "questions": [{ "name": "allowed", "views": [["light", 1], ["dark", 2]],
//                              "fields": { "key": "kith_…", "purpose": "…" } }] }
//
// Asks each question in each of its views: a colour scheme, and how much the page is enlarged. Prints one line of JSON: what a person
// would see, and what the browser noticed. It judges nothing; the Rust test does.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { focused, launch, look } from './browser.mjs'

const { url, screenshots, questions } = JSON.parse(readFileSync(0, 'utf8'))

const browser = await launch()
const visits = questions.flatMap((question) => question.views.map((view) => ask(question, view)))
const seen = await Promise.all(visits)
await browser.close()
console.log(JSON.stringify(seen))

async function ask({ name, fields }, [scheme, zoom]) {
  // To a page, being enlarged means a window of fewer CSS pixels; that they are larger it does not see.
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

  const response = await page.goto(`${url}/explain`, { waitUntil: 'load' })
  const empty = await look(page)

  const stops = []
  for (;;) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate(focused)
    if (!stop || stops.length > 40) break
    stops.push(stop)
    // A text may be pasted; a choice is made step by step.
    if (stop.name in fields && stop.tag === 'INPUT') await page.keyboard.insertText(fields[stop.name])
    if (stop.name in fields && stop.tag === 'SELECT') {
      while ((await page.evaluate(() => document.activeElement.value)) !== fields[stop.name]) {
        await page.keyboard.press('ArrowDown')
      }
    }
    // What is folded away is opened only by those who need it.
    if (stop.tag === 'SUMMARY' && 'onBehalfOf' in fields) await page.keyboard.press('Enter')
    if (stop.tag === 'BUTTON') break
  }
  await page.keyboard.press('Enter')
  await page.waitForSelector('#answer h2')
  await page.waitForFunction(() => document.activeElement?.tagName === 'H2', null)
  const full = await look(page)
  const answer = await page.evaluate(() => ({
    title: document.title,
    heading: document.querySelector('#answer h2').textContent,
    text: document.querySelector('#answer').innerText,
    states: Object.fromEntries(
      [...document.querySelectorAll('#answer tbody tr')].map((row) => [
        row.querySelector('th').textContent,
        row.querySelector('.state').textContent,
      ]),
    ),
  }))
  await shoot(page, `${name}-${scheme}-${zoom}`)

  // The choice of a state, by keyboard, if there are fields to choose from.
  let chosen = null
  await page.keyboard.press('Tab')
  for (let at = 0; at < 4 && (await page.evaluate(focused))?.name !== 'only'; at += 1) await page.keyboard.press('Tab')
  if ((await page.evaluate(focused))?.name === 'only') {
    stops.push(await page.evaluate(focused))
    await page.keyboard.press('ArrowLeft')
    chosen = await page.evaluate(() => ({
      state: document.querySelector('#answer').dataset.only,
      states: [...document.querySelectorAll('#answer tbody tr')]
        .filter((row) => row.checkVisibility())
        .map((row) => row.querySelector('.state').className.replace('state ', '')),
    }))
  }

  const kept = await page.evaluate(() => ({
    address: location.href,
    storage: localStorage.length + sessionStorage.length,
    html: document.documentElement.outerHTML,
  }))
  kept.cookies = (await context.cookies()).length
  kept.bodies = (await Promise.all(bodies)).join('\n')
  await context.close()
  return { name, scheme, zoom, policy: response.headers()['content-security-policy'], stops, empty, full, answer, chosen, requests, complaints, kept }
}

async function shoot(page, name) {
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
}
