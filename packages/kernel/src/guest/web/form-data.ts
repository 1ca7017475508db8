// packages/kernel/src/guest/web/form-data.ts: FormData. @see https://xhr.spec.whatwg.org/#interface-formdata

import { Blob, File } from './blob.ts'
import { tagIterator, usv } from './define.ts'

export type FormValue = string | File

export class FormData {
  #entries: [string, FormValue][] = []

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

  forEach(callback: (value: FormValue, name: string, form: FormData) => void, self?: unknown): void {
    for (const [name, value] of this) callback.call(self, value, name, this)
  }

  *entries(): Generator<[string, FormValue], undefined> {
    for (let i = 0; i < this.#entries.length; i++) yield [...this.#entries[i]!]
  }

  *keys(): Generator<string, undefined> {
    for (const [name] of this.entries()) yield name
  }

  *values(): Generator<FormValue, undefined> {
    for (const [, value] of this.entries()) yield value
  }

  declare [Symbol.iterator]: FormData['entries']
}
Object.defineProperty(FormData.prototype, Symbol.iterator, {
  value: FormData.prototype.entries,
  writable: true,
  configurable: true,
})
for (const method of ['entries', 'keys', 'values'] as const)
  tagIterator(FormData.prototype[method], 'FormData Iterator')

function entryValue(value: unknown, filename: string | undefined): FormValue {
  if (!(value instanceof Blob)) {
    if (filename !== undefined) throw new TypeError('only a Blob may be given a file name')
    return usv(value)
  }
  if (value instanceof File && filename === undefined) return value
  return new File([value], filename ?? 'blob', { type: value.type })
}
