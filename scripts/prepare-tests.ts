// scripts/prepare-tests.ts: what `pnpm test` needs beyond npm: Chromium for the pages, libfaketime for the scheduler's clock. On Debian both
// are installed, elsewhere you are told.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { faketimeLibrary } from './faketime.ts'

const CHROMIUM = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const missing: { packages: string[]; hint: string }[] = []
if (!CHROMIUM.some((path) => path !== undefined && existsSync(path)))
  missing.push({
    packages: ['chromium', 'fonts-dejavu-core'],
    hint: 'The browser tests need Chromium: install it, or set CHROMIUM_PATH to a Chrome or Chromium you have.',
  })
if (faketimeLibrary() === undefined)
  missing.push({
    packages: ['libfaketime'],
    hint: 'The tests of sleep need libfaketime: install it, or set FAKETIME_PATH to its multi-threaded library.',
  })
if (missing.length > 0) install()

function install(): void {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    for (const { hint } of missing) console.error(hint)
    process.exit(1)
  }
  const packages = missing.flatMap((each) => each.packages)
  console.error(`Installing what the tests need (apt-get install ${packages.join(' ')}) …`)
  const quiet = {
    stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }
  execFileSync('apt-get', ['update', '-qq'], quiet)
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], quiet)
}
