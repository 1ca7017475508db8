// plugins/web/page/tasks/list-state.ts: which tasks are asked for, and which are chosen. Pure.
import type { QueryInput } from '@pryx/plugin-scheduler/service'

export const PAGE = 50
export type Sort = NonNullable<QueryInput['sort']>
export type StateFilter = NonNullable<QueryInput['state']>

export interface Query {
  text: string
  tag: string | undefined
  state: StateFilter | undefined
  sort: Sort
  down: boolean
  page: number
}

export const allTasks: Query = { text: '', tag: undefined, state: undefined, sort: 'name', down: false, page: 0 }

/** What begins with the largest, the newest or the best when it is sorted by. */
const FALLS: readonly Sort[] = ['last', 'cost']

/** A change of what is asked for begins at the first page. */
export function asked(query: Query, change: Partial<Query>): Query {
  return { ...query, page: 0, ...change }
}

/** The column's first order, then the other one. */
export function sortedBy(query: Query, sort: Sort): Query {
  return asked(query, query.sort === sort ? { down: !query.down } : { sort, down: FALLS.includes(sort) })
}

export function pathOf({ text, tag, state, sort, down, page }: Query): string {
  const params = new URLSearchParams({
    ...(text.trim() !== '' && { text: text.trim() }),
    ...(tag !== undefined && { tag }),
    ...(state !== undefined && { state }),
    ...{ sort, down: String(down), offset: String(page * PAGE), limit: String(PAGE) },
  })
  return `/api/tasks?${params}`
}

/** The last page there is, from 0. */
export function lastPage(total: number): number {
  return Math.max(0, Math.ceil(total / PAGE) - 1)
}

export function isNarrowed({ text, tag, state }: Query): boolean {
  return text.trim() !== '' || tag !== undefined || state !== undefined
}

/** In pieces of at most `size`. */
export function inPieces<T>(items: readonly T[], size: number): T[][] {
  const pieces: T[][] = []
  for (let i = 0; i < items.length; i += size) pieces.push(items.slice(i, i + size))
  return pieces
}
