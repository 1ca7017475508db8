// plugins/web/page/tasks/layout.ts: where the steps of a workflow stand when it is drawn, and how each went. Pure.
import { type Edge, Graph, layout } from '@dagrejs/dagre'
import type { OutlineStep, StepLog } from '@pryx/plugin-scheduler/service'

const HEIGHT = 44
const NARROWEST = 96
const WIDEST = 200
const CHARACTER = 7.6 // px, about
const MARGIN = 8

export interface Box {
  step: OutlineStep
  /** Of its centre, px. */
  x: number
  y: number
  width: number
  height: number
}

export interface Line {
  key: string
  from: string
  to: string
  way: string | undefined
  points: readonly { x: number; y: number }[]
}

export interface Drawing {
  boxes: Box[]
  lines: Line[]
  width: number
  height: number
}

/** From left to right: a list of steps reads like a line of text. */
export function drawingOf(steps: readonly OutlineStep[]): Drawing {
  const graph = new Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 18, ranksep: 44, marginx: MARGIN, marginy: MARGIN })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { path, id, what } of steps) graph.setNode(path, { width: widthOf(id, what), height: HEIGHT })
  for (const { path, after } of steps) for (const edge of after) graph.setEdge(edge.path, path, { way: edge.way })
  layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  return {
    boxes: steps.map((step) => ({ step, ...(graph.node(step.path) as Omit<Box, 'step'>) })),
    lines: graph.edges().map((edge: Edge) => ({
      key: `${edge.v} ${edge.w}`,
      from: edge.v,
      to: edge.w,
      ...(graph.edge(edge) as Pick<Line, 'way' | 'points'>),
    })),
    ...{ width, height },
  }
}

function widthOf(id: string, what: string): number {
  return Math.min(WIDEST, Math.max(NARROWEST, 36 + CHARACTER * Math.max(id.length, what.length)))
}

type Status = StepLog['status']
/** Of a step that was gone through many times, what is worth looking at first. */
const FIRST: readonly Status[] = ['ambiguous', 'waiting', 'started', 'failed', 'ok', 'skipped']

/** How each step of the outline stands, by its path; one that has not begun is missing. */
export function standingsOf(steps: readonly StepLog[]): Map<string, StepLog> {
  const standings = new Map<string, StepLog>()
  for (const step of steps) {
    const path = step.path.replace(/\[\d+\]/g, '[]')
    const known = standings.get(path)
    if (known === undefined || FIRST.indexOf(step.status) < FIRST.indexOf(known.status)) standings.set(path, step)
  }
  return standings
}
