// packages/pryx/src/host/markup.ts: what others wrote, as text in a page of the host's own.

export function text(of: string): string {
  return of.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
