import { askPlanner } from './planner.ts'

process.on('disconnect', () => process.exit())
const answer = await askPlanner()
const { user, system } = process.cpuUsage()
process.send?.({ answer, cpuMs: (user + system) / 1_000 })
