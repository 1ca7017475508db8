// packages/kernel/src/guest/call-site.ts: where in the plugin's bundle a log line was written, for whoever reads it.

const PLACE = /[^\s(@]*\/plugin\.js:\d+:\d+/
const MAX_PLACE = 256

/** `NAME/plugin.js:LINE:COLUMN` of the nearest frame of the plugin; undefined if there is none. Never throws. */
export function callSite(): string | undefined {
  try {
    const { stack } = new Error()
    const place = typeof stack === 'string' ? PLACE.exec(stack)?.[0] : undefined
    return place !== undefined && place.length <= MAX_PLACE ? place : undefined
  } catch {
    return undefined // the plugin has put its own hands on how stacks are made
  }
}
