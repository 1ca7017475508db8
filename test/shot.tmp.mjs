import { chromium } from 'playwright-core'

const url = process.argv[2]
const out = process.argv[3]
const w = +(process.argv[4] ?? 1280),
  h = +(process.argv[5] ?? 860)
const path = process.argv[6] ?? '/'
const b = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--headless',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})
const p = await b.newPage({ viewport: { width: w, height: h }, colorScheme: process.argv[7] ?? 'dark' })
p.on('console', (m) => console.log('console', m.text()))
p.on('pageerror', (e) => console.log('err', e.message))
await p.goto(url + path)
await p.waitForTimeout(2500)
await p.screenshot({ path: out })
await b.close()
