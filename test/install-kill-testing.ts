// test/install-kill-testing.ts: one change of a project, in a process that ends itself by SIGKILL at a step. Arguments: JSON.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openAtRest } from '../packages/pryx/src/host/at-rest.ts'
import { emptyConfig, loadConfig } from '../packages/pryx/src/host/config.ts'
import { createWorkshop } from '../packages/pryx/src/host/workshop.ts'
import { obtain } from '../packages/pryx/src/install/candidate.ts'
import { contentsOf, openProjectFiles } from '../packages/pryx/src/store/project.ts'

interface Task {
  folder: string
  act: 'install' | 'rollback' | 'remove'
  tarball: string
  /** Steps of the change until the end; -1: never. */
  dieAt: number
  /** ms until the end; -1: never. */
  dieAfterMs: number
}

const { folder, act, tarball, dieAt, dieAfterMs } = JSON.parse(process.argv[2]!) as Task
const die = () => process.kill(process.pid, 'SIGKILL')
if (dieAfterMs >= 0) setTimeout(die, dieAfterMs)
let steps = 0
const step = () => {
  if (steps++ === dieAt) die()
}

const file = join(folder, 'pryx.json')
const config = existsSync(file) ? loadConfig(file) : emptyConfig(folder)
const project = openProjectFiles(config, step)
await using atRest = await openAtRest(config, { write: false })
step()
if (act === 'install') {
  using candidate = await obtain({ kind: 'file', path: tarball }, createWorkshop(config, atRest.sources))
  step()
  const { release } = candidate.staged.place()
  step()
  project.put(candidate.id, candidate.entry)
  step()
  atRest.sources.store.register(project.root)
  release()
} else if (act === 'rollback') project.back('subject')
else {
  project.remove('subject')
  step()
  atRest.sources.store.collect(contentsOf)
}
step()
process.stdout.write(`done ${steps}\n`)
