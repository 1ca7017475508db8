// plugins/web/page/marks.tsx: the small signs that all sections share. Colour never stands alone: each has its word.
import type { PluginStage, Risk } from '@pryx/sdk'
import type { ReactNode } from 'react'

type Tone = 'good' | 'wait' | 'bad' | 'calm'

const STAGES: Record<PluginStage, { word: string; tone: Tone }> = {
  active: { word: 'Active', tone: 'good' },
  starting: { word: 'Starting', tone: 'wait' },
  stopping: { word: 'Stopping', tone: 'wait' },
  waiting: { word: 'Waiting', tone: 'calm' },
  stopped: { word: 'Stopped', tone: 'calm' },
  disabled: { word: 'Disabled', tone: 'calm' },
  failed: { word: 'Failed', tone: 'bad' },
}

const ASLEEP = { word: 'Asleep', tone: 'calm' } as const

const RISKS: Record<Risk, { word: string; tone: Tone }> = {
  low: { word: 'Low risk', tone: 'calm' },
  medium: { word: 'Some risk', tone: 'wait' },
  high: { word: 'High risk', tone: 'bad' },
}

export function Mark({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className="mark" data-tone={tone}>
      <i className="dot" aria-hidden />
      {children}
    </span>
  )
}

export function StageMark({ stage, asleep = false }: { stage: PluginStage; asleep?: boolean | undefined }) {
  const { word, tone } = asleep ? ASLEEP : (STAGES[stage] ?? { word: stage, tone: 'calm' })
  return <Mark tone={tone}>{word}</Mark>
}

export function RiskMark({ risk }: { risk: Risk }) {
  const { word, tone } = RISKS[risk] ?? { word: risk, tone: 'calm' }
  return (
    <span className="risk" data-tone={tone}>
      {word}
    </span>
  )
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>
}

export function SectionHead({ title, note, children }: { title: string; note?: ReactNode; children?: ReactNode }) {
  return (
    <div className="head">
      <div className="grow">
        <h1>{title}</h1>
        {note !== undefined && <p className="dim">{note}</p>}
      </div>
      {children}
    </div>
  )
}
