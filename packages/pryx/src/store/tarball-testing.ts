// packages/pryx/src/store/tarball-testing.ts: tarballs made header by header, so that tests can make those that npm would not.
import { gzipSync } from 'node:zlib'

export interface TestEntry {
  path: string
  content?: string | Uint8Array
  /** ustar type flag: 0 file, 1 hard link, 2 symbolic link, 3 and 4 devices, 5 folder, 6 pipe. */
  type?: string
  link?: string
}

/** A gzipped ustar archive of `entries`, as they are. */
export function tarball(entries: readonly TestEntry[]): Buffer {
  return gzipSync(archive(entries))
}

export function archive(entries: readonly TestEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(1_024)])
}

/** The tarball of a plugin: package.json with its manifest, one file of code, and `more`. */
export function pluginTarball(
  { name, version = '1.0.0', code = 'export default { activate() {} }', pryx = {}, json = {} }: TestPlugin,
  more: readonly TestEntry[] = [],
): Buffer {
  return tarball([
    { path: 'package/package.json', content: JSON.stringify(packageJson({ name, version, pryx, json }), null, 2) },
    { path: 'package/plugin.js', content: code },
    ...more,
  ])
}

export interface TestPlugin {
  name: string
  version?: string
  code?: string
  pryx?: object
  /** More keys of package.json. */
  json?: object
}

export function packageJson({ name, version = '1.0.0', pryx = {}, json = {} }: TestPlugin) {
  return { name, version, description: `The ${name}.`, ...json, pryx: { engine: '*', entry: 'plugin.js', ...pryx } }
}

function blocksOf({ path, content = '', type = '0', link = '' }: TestEntry): Buffer[] {
  const bytes = Buffer.from(content as string)
  if (Buffer.byteLength(path) > 100)
    return [...longName(path), ...blocksOf({ path: path.slice(0, 90), content, type, link })]
  const header = Buffer.alloc(512)
  header.write(path, 0, 100)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write(link, 157, 100)
  header.write('ustar\u000000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
}

/** A GNU long name before the entry itself. */
function longName(path: string): Buffer[] {
  return blocksOf({ path: '././@LongLink', content: `${path}\0`, type: 'L' })
}
