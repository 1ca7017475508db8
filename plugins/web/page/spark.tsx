// plugins/web/page/spark.tsx: a line of the last values. Decoration: the number beside it says the same in words.

const WIDTH = 100
const HEIGHT = 28
const PAD = 2

/** @param floor The least value that fills the height, so that noise around nothing stays flat. */
export function Spark({ values, floor }: { values: readonly number[]; floor: number }) {
  if (values.length < 2) return <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />
  const top = Math.max(floor, ...values) * 1.1
  const step = WIDTH / (values.length - 1)
  const points = values.map((value, i) => `${(i * step).toFixed(1)},${y(value / top)}`).join(' ')
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polygon className="spark-area" points={`0,${HEIGHT} ${points} ${WIDTH},${HEIGHT}`} />
      <polyline className="spark-line" points={points} />
    </svg>
  )
}

function y(share: number): string {
  return (HEIGHT - PAD - share * (HEIGHT - 2 * PAD)).toFixed(1)
}
