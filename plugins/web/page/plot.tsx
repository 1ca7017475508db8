// plugins/web/page/plot.tsx: lines over time. The chart library draws; this hands it the theme's colours and the room there is.
//   The table beside it says the same in words: the drawing is hidden from screen readers but for its label.
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'

const HEIGHT = 260
const NARROW = 520

export interface Line {
  name: string
  /** A custom property of the theme, such as `--series-1`. */
  colour: string
  dashed?: boolean
  /** Each value is a dot too: one between gaps would not be seen. */
  dots?: boolean
  /** One for each time; null is a gap. */
  values: readonly (number | null)[]
}

export interface PlotProps {
  label: string
  /** Epoch seconds. */
  times: readonly number[]
  /** What the plot spans, epoch seconds. */
  from: number
  to: number
  lines: readonly Line[]
  /** The least value that fills the height, so that noise around nothing stays flat. */
  floor: number
  format(value: number): string
  /** How high it is, px. */
  height?: number
  /** What stands below the plot at a time, epoch seconds; default: the time of day. */
  moment?(seconds: number): string
  /** The line to bring out. */
  strong: string | undefined
  /** The moment under the pointer, as a place in `times`. */
  onPoint(index: number | undefined): void
}

export function Plot(props: PlotProps) {
  const { label, times, lines, strong } = props
  const scheme = useComputedColorScheme('dark')
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const latest = useRef(props)
  latest.current = props
  const shape = lines.map(({ name, colour }) => `${name} ${colour}`).join('\n')

  // Made anew for other lines or colours; values are set below.
  useEffect(() => {
    const host = box.current!
    const made = new uPlot(
      optionsOf(host, () => latest.current),
      dataOf(latest.current),
      host,
    )
    plot.current = made
    const room = new ResizeObserver(() =>
      made.setSize({ width: host.clientWidth, height: latest.current.height ?? HEIGHT }),
    )
    room.observe(host)
    return () => {
      room.disconnect()
      made.destroy()
    }
  }, [shape, scheme])

  useEffect(() => plot.current?.setData(dataOf(latest.current)), [times, lines])
  useEffect(() => {
    const index = latest.current.lines.findIndex(({ name }) => name === strong)
    plot.current?.setSeries(index < 0 ? null : index + 1, { focus: index >= 0 })
  }, [strong])

  return <div ref={box} className="plot" role="img" aria-label={label} />
}

function optionsOf(host: HTMLElement, latest: () => PlotProps): uPlot.Options {
  const colour = (name: string) => getComputedStyle(host).getPropertyValue(name).trim()
  const axis: uPlot.Axis = {
    stroke: colour('--mantine-color-dimmed'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: `11px ${getComputedStyle(host).fontFamily}`,
  }
  const narrow = host.clientWidth < NARROW
  return {
    width: host.clientWidth,
    height: latest().height ?? HEIGHT,
    padding: [12, latest().moment ? 24 : 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 7 } },
    focus: { alpha: 0.22 },
    scales: {
      x: { range: () => [latest().from, latest().to] },
      y: { range: (_plot, _min, max) => [0, Math.max(latest().floor, max ?? 0) * 1.08] },
    },
    axes: [
      { ...axis, size: 30, space: narrow ? 80 : 110, values: (_plot, times) => times.map(latest().moment ?? timeText) },
      { ...axis, size: 62, values: (_plot, values) => values.map((value) => latest().format(value)) },
    ],
    series: [
      {},
      ...latest().lines.map(
        (line): uPlot.Series => ({
          label: line.name,
          stroke: colour(line.colour),
          width: 1.6,
          points: { show: line.dots ?? false, size: 5 },
          spanGaps: false,
          ...(line.dashed && { dash: [5, 4] }),
        }),
      ),
    ],
    hooks: { setCursor: [({ cursor }) => latest().onPoint(cursor.idx ?? undefined)] },
  }
}

function dataOf({ times, lines }: PlotProps): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])]
}

function timeText(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  })
}
