// plugins/web/page/chat/surfaces.ts: where words came from, as people call it.
const NAMES: Record<string, string> = {
  web: 'This page',
  telegram: 'Telegram',
  terminal: 'Terminal',
  cli: 'Terminal',
  webhook: 'Webhook',
  scheduler: 'Schedule',
  host: 'Pryx',
}

/** `telegram:42` → `Telegram 42`. */
export function surfaceName(surface: string): string {
  const [kind = '', ...rest] = surface.split(':')
  const name = NAMES[kind] ?? kind.charAt(0).toUpperCase() + kind.slice(1)
  return [name, rest.join(':')].filter(Boolean).join(' ')
}
