// test/conformance/plugin/src/plugin.ts: runs the cases in an isolate, as any plugin would.
import { definePlugin } from '../../../../packages/kernel/src/contract/index.ts'
import { areas } from '../../areas.ts'
import { runCases } from '../../case.ts'
import { Conformance } from './service.ts'

export default definePlugin({
  activate(ctx) {
    ctx.provide(Conformance, {
      run: (name, from, to) => runCases(areas.find((area) => area.name === name)?.cases.slice(from, to) ?? []),
    })
  },
})
