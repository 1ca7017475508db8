// plugins/log-monitor/src/tail.ts: follows a file that grows, is renamed, truncated, or goes and comes back.
//   F1  Each piece of text is given out once, in order: the mark that comes with it says where to go on, also after a restart.
//   F2  A renamed file is read to its end under its next name (`app.log.1`) before the new one is begun.
//   F3  A file seen for the first time begins at its end; one that came after we looked for it, at its start.

/** Rotation of the usual kind: the number after the name. */
const ROTATED = '.1'

export interface FileFacts {
  /** Stays with the file when it is renamed; empty if the source cannot tell. */
  readonly id: string
  /** Bytes. */
  readonly size: number
}

export interface FileSource {
  /** Undefined if there is no such file. Throws where it may not be read. */
  stat(path: string): Promise<FileFacts | undefined>
  /** Text from a byte offset: whole characters, as much as the source likes to give at once. `rotated`: it began at 0 since the file was shorter. `id`: which file it was. */
  readFrom(path: string, offset: number): Promise<{ text: string; nextOffset: number; rotated: boolean; id: string }>
}

/** Where reading goes on. Offset in bytes. */
export type Mark = { readonly id: string; readonly offset: number } | 'absent'

export interface Piece {
  readonly text: string
  readonly mark: Mark
  /** The text begins a file: what was begun before it will not be continued. */
  readonly begins: boolean
  /** There may be more to read at once. */
  readonly more: boolean
}

/** The next piece of the file. */
export async function readPiece(
  source: FileSource,
  path: string,
  mark: Mark | undefined,
  from: 'start' | 'end',
): Promise<Piece> {
  const facts = await source.stat(path)
  if (facts === undefined) return readRenamed(source, path, mark, undefined)
  if (mark === undefined && from === 'end')
    return { text: '', mark: { id: facts.id, offset: facts.size }, begins: false, more: false }
  if (mark === undefined || mark === 'absent') return read(source, path, facts, 0, true)
  if (facts.id !== mark.id) return readRenamed(source, path, mark, facts)
  if (facts.size < mark.offset) return read(source, path, facts, 0, true) // truncated in place
  if (facts.size === mark.offset) return { text: '', mark, begins: false, more: false }
  return read(source, path, facts, mark.offset, false)
}

/** F2: the rest of the file we were reading, if it now has the next name; then the new one. */
async function readRenamed(
  source: FileSource,
  path: string,
  mark: Mark | undefined,
  next: FileFacts | undefined,
): Promise<Piece> {
  const old = typeof mark === 'object' ? await rotatedFile(source, path, mark) : undefined
  if (old && typeof mark === 'object') {
    const piece = await read(source, path + ROTATED, old, mark.offset, false)
    if (piece.text !== '') return { ...piece, more: true }
  }
  if (next) return read(source, path, next, 0, true)
  return { text: '', mark: 'absent', begins: false, more: false }
}

async function rotatedFile(
  source: FileSource,
  path: string,
  mark: { id: string; offset: number },
): Promise<FileFacts | undefined> {
  if (mark.id === '') return undefined
  const facts = await source.stat(path + ROTATED).catch(() => undefined) // we may not be allowed to look there
  return facts && facts.id === mark.id && facts.size > mark.offset ? facts : undefined
}

async function read(
  source: FileSource,
  path: string,
  facts: FileFacts,
  offset: number,
  begins: boolean,
): Promise<Piece> {
  const { text, nextOffset, rotated, id } = await source.readFrom(path, offset)
  // Replaced since we asked which file it is: nothing of this counts, the next piece finds the old one under its next name (F2).
  if (id !== facts.id) return { text: '', mark: { id: facts.id, offset }, begins, more: true }
  const more = text !== '' && nextOffset < facts.size
  return { text, mark: { id, offset: nextOffset }, begins: begins || rotated, more }
}
