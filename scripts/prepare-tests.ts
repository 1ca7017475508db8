// scripts/prepare-tests.ts: what `pnpm test` needs beyond npm. The browser tests want Chromium; on Debian it is installed, elsewhere you are told.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const PLACES = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

if (!PLACES.some((path) => path !== undefined && existsSync(path))) install()

function install(): void {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.error('The browser tests need Chromium: install it, or set CHROMIUM_PATH to a Chrome or Chromium you have.')
    process.exit(1)
  }
  console.error('Installing Chromium for the browser tests (apt-get install chromium) …')
  const quiet = {
    stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }
  execFileSync('apt-get', ['update', '-qq'], quiet)
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'], quiet)
}
