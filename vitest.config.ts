import { defineConfig } from 'vitest/config'

/** These time what they see, so nothing else may run beside them. */
const alone = [
  'test/hostile/**/*.test.ts',
  'test/main-job.test.ts',
  'test/browser/**/*.test.ts',
  'test/scheduler/{sleep,hostile}.test.ts',
]
const all = [
  'packages/*/src/**/*.test.ts',
  'plugins/*/{src,page}/**/*.test.ts',
  'test/**/*.test.ts',
  'examples/**/*.test.ts',
  'bench/**/*.test.ts',
]
const never = ['**/node_modules/**', '**/dist/**', 'packages/create-pryx-plugin/templates/**']

// Tests read the sources (`source` condition), so a failing line is the line in the editor.
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } },
  test: {
    testTimeout: 60_000, // a machine may be many times slower for a while; what is awaited is polled
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: all,
          exclude: [...never, ...alone],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          testTimeout: 90_000, // whole hosts and browsers: on a busy machine only slower, and what is timed is judged by its own times
          hookTimeout: 90_000,
          include: alone,
          exclude: never,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
