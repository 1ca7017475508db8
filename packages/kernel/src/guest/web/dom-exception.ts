// packages/kernel/src/guest/web/dom-exception.ts: DOMException.
// @see https://webidl.spec.whatwg.org/#idl-DOMException

// Index is the legacy code; names without a code have 0.
const LEGACY =
  ' IndexSizeError  HierarchyRequestError WrongDocumentError InvalidCharacterError  NoModificationAllowedError NotFoundError NotSupportedError InUseAttributeError InvalidStateError SyntaxError InvalidModificationError NamespaceError InvalidAccessError  TypeMismatchError SecurityError NetworkError AbortError URLMismatchError QuotaExceededError TimeoutError InvalidNodeTypeError DataCloneError'.split(
    ' ',
  )

export class DOMException extends Error {
  constructor(message: unknown = '', options: unknown = 'Error') {
    const { name, ...rest } =
      typeof options === 'object' && options !== null
        ? (options as { name?: unknown; cause?: unknown })
        : { name: options }
    super(String(message), 'cause' in rest ? { cause: rest.cause } : undefined)
    Object.defineProperty(this, 'name', { value: String(name ?? 'Error'), configurable: true, writable: true })
  }

  get code(): number {
    return Math.max(0, LEGACY.indexOf(this.name))
  }
}

for (const [code, name] of LEGACY.entries()) {
  if (name === '') continue
  const constant = name.replace(/Error$/, '').replace(/(?<=[a-z])(?=[A-Z])/g, '_')
  const descriptor = { value: code, enumerable: true }
  Object.defineProperty(DOMException, `${constant.toUpperCase()}_ERR`, descriptor)
  Object.defineProperty(DOMException.prototype, `${constant.toUpperCase()}_ERR`, descriptor)
}
