// plugins/web/page/kinds.tsx: the colours of what takes time in a request.
import { KINDS, WORK } from './trace-tree.ts'

/** What the colours mean. */
export function Kinds() {
  return (
    <ul className="kinds" aria-label="Colours">
      {WORK.map((kind) => (
        <li key={kind} className="small dim" title={KINDS[kind].means}>
          <i className="swatch" data-kind={kind} aria-hidden /> {KINDS[kind].word}
        </li>
      ))}
    </ul>
  )
}
