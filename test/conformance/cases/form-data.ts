// test/conformance/cases/form-data.ts: FormData, and forms as bodies. @see https://xhr.spec.whatwg.org/#interface-formdata
import type { Area } from '../case.ts'
import { thrown, utf8 } from '../case.ts'

function formOf(...entries: [string, string | Blob, string?][]): FormData {
  const form = new FormData()
  for (const [name, value, filename] of entries)
    filename === undefined ? form.append(name, value as string) : form.append(name, value as Blob, filename)
  return form
}

/** What a form is after it was sent and read. */
async function sent(form: FormData): Promise<unknown[]> {
  const back = await new Response(form).formData()
  return Promise.all(
    [...back].map(async ([name, value]) =>
      typeof value === 'string' ? [name, value] : [name, value.name, value.type, await value.text()],
    ),
  )
}

function parse(text: string, type = 'multipart/form-data; boundary=X'): Promise<FormData> {
  return new Response(utf8(text.replaceAll('\n', '\r\n')), { headers: { 'content-type': type } }).formData()
}

export const formData: Area = {
  name: 'FormData',
  standard: 'https://xhr.spec.whatwg.org/#interface-formdata',
  cases: [
    [
      'append, get, getAll',
      () => {
        const f = formOf(['a', '1'], ['a', '2'])
        return [f.get('a'), f.getAll('a'), f.get('b'), f.getAll('b')]
      },
      ['1', ['1', '2'], null, []],
    ],
    [
      'set replaces the first and removes the others',
      () => {
        const f = formOf(['a', '1'], ['b', '2'], ['a', '3'])
        f.set('a', '4')
        return [...f]
      },
      [
        ['a', '4'],
        ['b', '2'],
      ],
    ],
    [
      'set adds what is not there',
      () => {
        const f = formOf()
        f.set('a', '1')
        return [...f]
      },
      [['a', '1']],
    ],
    [
      'delete and has',
      () => {
        const f = formOf(['a', '1'], ['a', '2'], ['b', '3'])
        f.delete('a')
        return [f.has('a'), f.has('b')]
      },
      [false, true],
    ],
    [
      'values become text',
      () => {
        const f = formOf()
        f.append('a', 1 as never)
        f.append('b', null as never)
        return [...f]
      },
      [
        ['a', '1'],
        ['b', 'null'],
      ],
    ],
    [
      'a blob becomes a file named blob',
      () => {
        const v = formOf(['a', new Blob(['x'], { type: 't/x' })]).get('a') as File
        return [v instanceof File, v.name, v.type]
      },
      [true, 'blob', 't/x'],
    ],
    [
      'a file stays the same file',
      () => {
        const file = new File(['x'], 'n')
        return formOf(['a', file]).get('a') === file
      },
      true,
    ],
    [
      'a file name can be given',
      () => [
        (formOf(['a', new Blob(['x']), 'm']).get('a') as File).name,
        (formOf(['a', new File(['x'], 'n'), 'm']).get('a') as File).name,
      ],
      ['m', 'm'],
    ],
    [
      'a file name for text is TypeError',
      () => thrown(() => new FormData().append('a', 'b' as never, 'c')),
      'TypeError',
    ],
    [
      'iterating is in order, by entries',
      () => [
        [...formOf(['b', '1'], ['a', '2']).keys()],
        [...formOf(['b', '1']).values()],
        FormData.prototype[Symbol.iterator] === FormData.prototype.entries,
      ],
      [['b', 'a'], ['1'], true],
    ],
    [
      'forEach',
      () => {
        const f = formOf(['a', '1'])
        const seen: unknown[] = []
        f.forEach((value, name, all) => void seen.push(value, name, all === f))
        return seen
      },
      ['1', 'a', true],
    ],
    ['names and values are scalar text', () => [...formOf(['\ud800', '\udc00'])], [['\ufffd', '\ufffd']]],
    [
      'missing arguments are TypeError',
      async () => [
        await thrown(() => (new FormData() as never as { append(a: string): void }).append('a')),
        await thrown(() => (new FormData() as never as { get(): void }).get()),
      ],
      ['TypeError', 'TypeError'],
    ],
    [
      'text comes back',
      () => sent(formOf(['a', '1'], ['b', 'é€'])),
      [
        ['a', '1'],
        ['b', 'é€'],
      ],
    ],
    ['line ends of text become CRLF', () => sent(formOf(['a', 'x\ny\rz\r\n'])), [['a', 'x\r\ny\r\nz\r\n']]],
    [
      'files come back with name and type',
      () => sent(formOf(['f', new File(['x\ny'], 'a.txt', { type: 'text/x' })])),
      [['f', 'a.txt', 'text/x', 'x\ny']],
    ],
    [
      'a file without a type is of bytes',
      () => sent(formOf(['f', new File(['x'], 'a')])),
      [['f', 'a', 'application/octet-stream', 'x']],
    ],
    [
      'odd names come back',
      () => sent(formOf(['a"b\n', '1'], ['f', new File([''], 'x"y\r\n.txt')])),
      [
        ['a"b\r\n', '1'],
        ['f', 'x"y\r\n.txt', 'application/octet-stream', ''],
      ],
    ],
    ['an empty form comes back', () => sent(formOf()), []],
    [
      'the content type names the boundary',
      () =>
        /^multipart\/form-data; boundary=\S+$/.test(new Response(formOf(['a', '1'])).headers.get('content-type') ?? ''),
      true,
    ],
    [
      'the boundary stands in the body',
      async () => {
        const r = new Response(formOf(['a', '1']))
        const boundary = r.headers.get('content-type')!.split('boundary=')[1]!
        return (await r.text()).startsWith(`--${boundary}\r\n`)
      },
      true,
    ],
    [
      'a multipart body is read',
      async () => [
        ...(await parse(
          '--X\nContent-Disposition: form-data; name="a"\n\n1\n--X\nContent-Disposition: form-data; name="b"\n\n2\n--X--\n',
        )),
      ],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a file part is read',
      async () => {
        const f = (
          await parse(
            '--X\nContent-Disposition: form-data; name="a"; filename="n.txt"\nContent-Type: text/x\n\nhello\n--X--\n',
          )
        ).get('a') as File
        return [f.name, f.type, await f.text()]
      },
      ['n.txt', 'text/x', 'hello'],
    ],
    [
      'a quoted boundary is read',
      async () => [
        ...(await parse(
          '--X\nContent-Disposition: form-data; name="a"\n\n1\n--X--\n',
          'multipart/form-data; boundary="X"',
        )),
      ],
      [['a', '1']],
    ],
    [
      'a multipart body without a boundary is TypeError',
      () => thrown(() => parse('', 'multipart/form-data')),
      'TypeError',
    ],
    [
      'a broken multipart body is TypeError',
      () => thrown(() => parse('--X\nContent-Disposition: form-data; name="a"\n\n1')),
      'TypeError',
    ],
    [
      'a part without a name is TypeError',
      () => thrown(() => parse('--X\nContent-Disposition: form-data\n\n1\n--X--\n')),
      'TypeError',
    ],
    [
      'a url-encoded body is read',
      async () => [...(await parse('a=1&b=c+d', 'application/x-www-form-urlencoded;charset=UTF-8'))],
      [
        ['a', '1'],
        ['b', 'c d'],
      ],
    ],
    ['another type of body is TypeError', () => thrown(() => parse('a=1', 'text/plain')), 'TypeError'],
    ['no type is TypeError', () => thrown(() => new Response(utf8('a=1')).formData()), 'TypeError'],
    ['the class string', () => Object.prototype.toString.call(new FormData()), '[object FormData]'],
  ],
}
