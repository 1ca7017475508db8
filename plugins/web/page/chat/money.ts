// plugins/web/page/chat/money.ts: prices and tokens in words. Unknown is said, never shown as nothing.

/** USD: `$0.0042`, `$1.20`, `$0`. */
export function usd(amount: number): string {
  if (amount === 0) return '$0'
  if (amount < 0.0001) return '< $0.0001'
  return `$${amount.toFixed(amount < 0.01 ? 4 : amount < 1 ? 3 : 2)}`
}

/** `128k`, `1M`, `900`. */
export function tokens(n: number): string {
  if (n >= 1_000_000) return `${trimmed(n / 1_000_000)}M`
  return n >= 1_000 ? `${trimmed(n / 1_000)}k` : String(n)
}

/** USD for a million tokens in and out. */
export function price({ input, output }: { input?: number; output?: number }): string {
  if (input === 0 && output === 0) return 'free'
  if (input === undefined && output === undefined) return 'price unknown'
  const side = (amount: number | undefined) => (amount === undefined ? '?' : `$${trimmed(amount)}`)
  return `${side(input)} in, ${side(output)} out`
}

function trimmed(n: number): string {
  return n >= 100 ? String(Math.round(n)) : String(Number(n.toPrecision(3)))
}
