// packages/pryx/src/cli/trust.ts: `pryx trust`, and the gate before anything a pryx.json names is run (K10).
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CONFIG_FILE, DATA_FOLDER } from '../host/config.ts'
import { openTrustedFolders, untrusted } from '../host/trusted.ts'
import { createConversation } from '../terminal/conversation.ts'
import { createScreen } from '../terminal/screen.ts'
import { safe, styleFor } from '../terminal/style.ts'
import { EXIT } from './exit.ts'
import type { Output } from './output.ts'

export async function trust(
  output: Output,
  options: { list?: boolean; remove?: boolean },
  folder = '.',
): Promise<void> {
  const trusted = openTrustedFolders()
  if (options.list)
    return output.result(
      trusted.list(),
      trusted
        .list()
        .map((one) => safe(one))
        .join('\n') || 'No folder is trusted.',
    )
  const path = resolve(folder)
  if (options.remove) {
    const was = trusted.remove(path)
    return output.result(
      { folder: path, trusted: false },
      was ? `${safe(path)} is trusted no more` : `${safe(path)} was not trusted`,
    )
  }
  trusted.add(path)
  output.result(
    { folder: path, trusted: true },
    `${output.style.green('✔')} what ${safe(path)} names in its ${CONFIG_FILE} may be run now`,
  )
}

/** Goes on only if the user trusts the folder of `file`. A folder without a pryx.json runs what the user names, so needs none. @throws FOLDER_UNTRUSTED */
export async function requireTrust(
  output: Output,
  file: string,
  { trust: said, data }: { trust?: boolean; data?: string },
): Promise<void> {
  const folder = dirname(resolve(file))
  const trusted = openTrustedFolders()
  if (said) trusted.add(folder)
  const begun = existsSync(join(data ?? join(folder, DATA_FOLDER), 'change.json')) // may bring a pryx.json with it
  if ((!existsSync(file) && !begun) || trusted.has(folder)) return
  if (output.json || !process.stdin.isTTY || !process.stderr.isTTY || !(await ask(folder))) throw untrusted(folder)
  trusted.add(folder)
}

async function ask(folder: string): Promise<boolean> {
  const style = styleFor(process.stderr)
  const screen = createScreen(process.stderr)
  using conversation = createConversation({
    screen,
    keyboard: process.stdin,
    onInterrupt: () => process.exit(EXIT.interrupted),
  })
  const key = await conversation.ask({
    lines: [
      `${style.yellow('▲')} You have not started ${style.bold(safe(folder))} before. Its pryx.json decides which plugins run, and how.`,
    ],
    prompt: `  Trust it?  ${style.bold('y')} yes   ${style.bold('n')} no `,
    keys: 'yn',
  })
  return key === 'y'
}
