// plugins/web/page/views.tsx: the sections whose code most visits do not need, loaded when they are opened. Code that has already come is
// drawn at once: React holds back for 300 ms whatever follows a placeholder it has shown.
import { type ComponentType, lazy, useState } from 'react'
import type { Section } from './address.ts'

interface View {
  Shown: ComponentType
  load(): Promise<unknown>
}

const chat = view(() => import('./sections/chat.tsx').then(({ Chat }) => Chat))
const resources = view(() => import('./sections/resources.tsx').then(({ Resources }) => Resources))
const tasks = view(() => import('./sections/tasks.tsx').then(({ Tasks }) => Tasks))
const traces = view(() => import('./sections/traces.tsx').then(({ Traces }) => Traces))
const late: Partial<Record<Section, View>> = { chat, resources, tasks, traces }

export const Chat = chat.Shown
export const Resources = resources.Shown
export const Tasks = tasks.Shown
export const Traces = traces.Shown

/** Resolves once the section can be drawn without a placeholder, or cannot come: then drawing it says so. */
export async function viewReady(section: Section): Promise<void> {
  await late[section]?.load().catch(() => {})
}

function view(load: () => Promise<ComponentType>): View {
  let come: ComponentType | undefined
  const loadOnce = async () => {
    come ??= await load()
    return { default: come }
  }
  const Later = lazy(loadOnce)
  function Shown() {
    const [Chosen] = useState(() => come ?? Later) // once: a section that is open is not made anew
    return <Chosen />
  }
  return { Shown, load: loadOnce }
}
