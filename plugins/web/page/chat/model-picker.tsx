// plugins/web/page/chat/model-picker.tsx: which model answers here: the router's choice, or one by name; and what the session has cost and fills.
import { Select, Tooltip } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Choices, Cost, ModelChoice } from '../../src/chat/models.ts'
import { get } from '../calls.ts'
import { plural } from '../format.ts'
import { useModel } from '../store.ts'
import { pathOf, useChat } from './chat-store.ts'
import { price, tokens, usd } from './money.ts'
import { keep, keptAt } from './outbox.ts'

const WARN = 0.8 // of the window (M1)

export function useChoices(): Choices | undefined {
  const [choices, setChoices] = useState<Choices>()
  const link = useModel((model) => model.link)
  useEffect(() => {
    if (link !== 'live') return
    let ended = false
    const load = () =>
      get<Choices>('/api/chat/models').then(
        (answer) => !ended && setChoices(answer),
        () => {},
      )
    void load()
    window.addEventListener('focus', load) // a key may have been given in a terminal or another window
    return () => {
      ended = true
      window.removeEventListener('focus', load)
    }
  }, [link])
  return choices
}

/** The user's choice for a session; undefined: the router's. */
export function useModelChoice(session: string): [string | undefined, (slug: string | undefined) => void] {
  const key = `pryx.model.${session}`
  const [slug, setSlug] = useState<string | undefined>(() => keptAt(key) ?? undefined)
  return [
    slug,
    (next) => {
      keep(key, next)
      setSlug(next)
    },
  ]
}

interface PickerProps {
  choices: Choices | undefined
  value: string | undefined
  choose(slug: string | undefined): void
}

export function ModelPicker({ choices, value, choose }: PickerProps) {
  const models = choices?.models ?? []
  const bySlug = new Map(models.map((model) => [model.slug, model]))
  const data = [
    { value: '', label: 'Best model for the job' },
    ...models.map(({ slug, name }) => ({ value: slug, label: name })),
  ]
  if (value !== undefined && !bySlug.has(value)) data.push({ value, label: value })
  return (
    <Select
      className="picker"
      size="xs"
      aria-label="Model"
      searchable
      allowDeselect={false}
      maxDropdownHeight={340}
      nothingFoundMessage="No model of that name is set up"
      comboboxProps={{ width: 320, position: 'bottom-end' }}
      data={data}
      value={value ?? ''}
      onChange={(slug) => choose(slug || undefined)}
      renderOption={({ option }) => <ModelOption label={option.label} model={bySlug.get(option.value)} />}
    />
  )
}

function ModelOption({ label, model }: { label: string; model: ModelChoice | undefined }) {
  if (model === undefined) return <span className="option">{label}</span>
  const can = [
    model.tools && 'tools',
    model.vision && 'sees',
    model.reasoning && 'reasons',
    model.local && 'on this machine',
  ]
  return (
    <span className="option">
      <span className="line">
        <b className="clip grow">{label}</b>
        <span className="dim num">{model.context === undefined ? 'window unknown' : tokens(model.context)}</span>
      </span>
      <span className="dim small">{[model.provider, price(model), ...can].filter(Boolean).join(' · ')}</span>
    </span>
  )
}

/** Cost of the session, and how full the window of the model that answered last is (M1). */
export function Meter({ session }: { session: string }) {
  const window = useChat((chat) => chat.talk.window)
  const running = useChat((chat) => chat.talk.run !== undefined)
  const [cost, setCost] = useState<Cost>()
  const model = window?.model
  useEffect(() => {
    if (running) return
    let ended = false
    const query = model === undefined ? '' : `?model=${encodeURIComponent(model)}`
    get<Cost>(`${pathOf(session)}/cost${query}`).then(
      (answer) => !ended && setCost(answer),
      () => {},
    )
    return () => {
      ended = true
    }
  }, [session, model, running])
  if (cost === undefined || cost.calls === 0) return null
  const share = window !== undefined && cost.context ? Math.min(1, window.tokens / cost.context) : undefined
  const full = share !== undefined && share >= WARN
  return (
    <Tooltip multiline w={260} label={explained(cost, window?.tokens)}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: its tooltip must be reached by keys */}
      <span className="meter" data-full={full || undefined} tabIndex={0} role="status">
        <span className="num">
          {usd(cost.usd)}
          {cost.unpriced > 0 && '+?'}
        </span>
        {share !== undefined && (
          <>
            <progress max={1} value={share} aria-label="Share of the model’s window in use" />
            <span className="num">
              {full ? `window ${Math.round(share * 100)} % full` : `${Math.round(share * 100)} %`}
            </span>
          </>
        )}
      </span>
    </Tooltip>
  )
}

function explained(
  { usd: sum, unpriced, inputTokens, outputTokens, calls, context }: Cost,
  taken: number | undefined,
): string {
  const parts = [
    `${usd(sum)} for ${plural(calls, 'call')}: ${tokens(inputTokens)} tokens in, ${tokens(outputTokens)} out.`,
    unpriced > 0 && `The price of ${plural(unpriced, 'call')} is unknown and not in it.`,
    taken !== undefined &&
      `The last call took ${tokens(taken)} of ${context === undefined ? 'an unknown window' : `${tokens(context)} tokens`}.`,
  ]
  return parts.filter(Boolean).join(' ')
}
