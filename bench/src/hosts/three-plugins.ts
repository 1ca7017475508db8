// A small host: `three-plugins DATA PLUGIN…`.
import { createKernel, openPluginFolder } from '@pryx/kernel'
import { serve } from './serve.ts'

const [data = '', ...plugins] = process.argv.slice(2)
const kernel = await createKernel({ data, workspace: data, consent: 'declared' })
const packages = await Promise.all(plugins.map(openPluginFolder))
await kernel.installAll(packages.map((pkg) => ({ pkg })))
await serve(
  () => {},
  () => kernel.stop(),
)
