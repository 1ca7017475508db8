// packages/kernel/src/guest/web/form-data.ts: FormData. @see https://xhr.spec.whatwg.org/#interface-formdata

import { Blob, File } from './blob.ts'
import { requireArguments, usv } from './define.ts'
import { makeIterable, type PairList } from './pair-list.ts'

export type FormValue = string | File

let entriesIn: (form: FormData) => [string, FormValue][]

export class FormData {
  #entries: [string, FormValue][] = []

  static {
    entriesIn = (form) => form.#entries
  }

  constructor(form?: unknown) {
    if (form !== undefined) throw new TypeError('there are no form elements here')
  }

  append(name: string, value: unknown, filename?: string): void {
    this.#entries.push([usv(name), entryValue(value, filename)])
  }

  set(name: string, value: unknown, filename?: string): void {
    const key = usv(name)
    const entry = entryValue(value, filename)
    const first = this.#entries.find(([other]) => other === key)
    if (first === undefined) this.#entries.push([key, entry])
    else {
      first[1] = entry
      this.#entries = this.#entries.filter((other) => other === first || other[0] !== key)
    }
  }

  delete(name: string): void {
    const key = usv(name)
    this.#entries = this.#entries.filter(([other]) => other !== key)
  }

  get(name: string): FormValue | null {
    const key = usv(name)
    return this.#entries.find(([other]) => other === key)?.[1] ?? null
  }

  getAll(name: string): FormValue[] {
    const key = usv(name)
    return this.#entries.filter(([other]) => other === key).map(([, value]) => value)
  }

  has(name: string): boolean {
    const key = usv(name)
    return this.#entries.some(([other]) => other === key)
  }

  declare forEach: PairList<FormValue>['forEach']
  declare entries: PairList<FormValue>['entries']
  declare keys: PairList<FormValue>['keys']
  declare values: PairList<FormValue>['values']
  declare [Symbol.iterator]: PairList<FormValue>['entries']
}
makeIterable(FormData, 'FormData', entriesIn!)
requireArguments(FormData.prototype, { append: 2, delete: 1, get: 1, getAll: 1, has: 1, set: 2 })

function entryValue(value: unknown, filename: string | undefined): FormValue {
  if (!(value instanceof Blob)) {
    if (filename !== undefined) throw new TypeError('only a Blob may be given a file name')
    return usv(value)
  }
  if (value instanceof File && filename === undefined) return value
  return new File([value], filename ?? 'blob', { type: value.type })
}
