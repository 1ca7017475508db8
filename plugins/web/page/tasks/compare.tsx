// plugins/web/page/tasks/compare.tsx: what is different between two runs.
import { Modal } from '@mantine/core'
import type { Difference, Run } from '@pryx/plugin-scheduler/service'
import { clockTime, fullTime } from '../format.ts'
import { Empty } from '../marks.tsx'
import { runPath, useAsked } from './ask.ts'

interface CompareProps {
  a: string
  b: string
  runs: readonly Run[]
  onClose(): void
}

export function Compare({ a, b, runs, onClose }: CompareProps) {
  const [older, newer] = inOrder(a, b, runs)
  const { data, error } = useAsked<{ differences: Difference[] }>(
    runPath(older.id, `/compare/${encodeURIComponent(newer.id)}`),
  )
  return (
    <Modal opened onClose={onClose} size="xl" title="What is different">
      {error !== undefined ? (
        <Empty>{error.message}</Empty>
      ) : data === undefined ? (
        <Empty>Loading</Empty>
      ) : data.differences.length === 0 ? (
        <Empty>Nothing but the time: both did the same and came out the same.</Empty>
      ) : (
        <table className="differences">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col" title={fullTime(older.occurrence)}>
                The older, {clockTime(older.occurrence)}
              </th>
              <th scope="col" title={fullTime(newer.occurrence)}>
                The newer, {clockTime(newer.occurrence)}
              </th>
            </tr>
          </thead>
          <tbody>
            {data.differences.map(({ path, a, b }) => (
              <tr key={path}>
                <th scope="row">{path}</th>
                <td>{valueText(a)}</td>
                <td>{valueText(b)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Modal>
  )
}

function inOrder(a: string, b: string, runs: readonly Run[]): [Run, Run] {
  const [first, second] = [a, b].map((id) => runs.find((run) => run.id === id)!) as [Run, Run]
  return runs.indexOf(first) > runs.indexOf(second) ? [first, second] : [second, first] // the newest come first
}

export function valueText(value: unknown): string {
  if (value === undefined) return '–'
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)
}
