// packages/kernel/src/node/version.ts: the version plugins name in `engine`. Kept equal to package.json by a test.
export const VERSION = '1.0.0'
