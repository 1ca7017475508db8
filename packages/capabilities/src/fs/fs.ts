// packages/capabilities/src/fs/fs.ts: the capability `fs`: files and folders a plugin names (K4).
//   F1  What is judged is what is used: the real path found for the judgement is the one opened, and only if no link has taken
//       its place since (pin.ts).
import { homedir } from 'node:os'
import {
  type Capability,
  type CapabilityCall,
  CapabilityError,
  type CapabilityMethod,
  defineMethod,
  type PluginId,
  type PluginPlace,
  type Release,
} from '@pryx/kernel/contract'
import { z } from 'zod'
import { fsError, protectedPath } from './errors.ts'
import { coversFs, fsConsent, isWithin, parseFs, type Verb } from './grammar.ts'
import { listFolder, lookAt, readFile, readFrom, statPath } from './read.ts'
import { resolvePath } from './resolve.ts'
import { type OnChanges, watchPath } from './watch.ts'
import { appendTo, makeFolder, removeEntry, renameEntry, writeAtomic, writeInPlace } from './write.ts'

const MAX_BYTES = 16 * 1_024 * 1_024
const LIST_PAGE = 2_000 // entries of one answer
const TEXT_BYTES = 262_144 // of one piece of a growing file
const MAX_WATCHES = 32 // of one plugin
const LONG_MS = 120_000 // for what moves many bytes

export interface FsOptions {
  /** Most bytes that one call reads or writes. Default 16 MiB. */
  maxBytes?: number
  /** Real paths of folders that belong to the host and that no grant opens; plugins' own `${data}` within them stay open to each. */
  guarded?: readonly string[]
  /** What `~` means. Default: the user's home folder. */
  home?: string
}

export function createFsCapability(options: FsOptions = {}): Capability {
  const { maxBytes = MAX_BYTES, guarded = [], home = homedir() } = options
  const define = createDefiner(home, guarded)
  return {
    name: 'fs',
    version: '1.0.0',
    summary: 'Files and folders',
    parse: (rest, place) => parseFs(rest, place, home),
    covers: coversFs,
    consent: (rest) => fsConsent(rest),
    methods: { ...readMethods(define, maxBytes), ...writeMethods(define, maxBytes), ...watchMethods(define) },
  }
}

/** One path a call needs. */
interface Need {
  verb: Verb
  path: string
  /** All below it too. `if-folder`: only if that is what it is. */
  tree?: boolean | 'if-folder'
  /** Default true. */
  follow?: boolean
}

interface Judged {
  real: string
  tree: boolean
}

interface Spec<I extends readonly unknown[]> {
  input: z.ZodType<I>
  needs(input: NoInfer<I>): Need[]
  /** `judged`: what the needs came to, in their order. */
  run(judged: Judged[], input: NoInfer<I>, call: CapabilityCall): Promise<unknown>
  timeoutMs?: number
}

type Define = <I extends readonly unknown[]>(spec: Spec<I>) => CapabilityMethod<never>

/** Makes methods whose `access` and `run` speak of the same real paths (F1). */
function createDefiner(home: string, guarded: readonly string[]): Define {
  return ({ input, needs, run, timeoutMs }) => {
    const judged = new WeakMap<object, Judged[]>() // by input: one call's, between its judgement and its run
    return defineMethod({
      input,
      async access(input, place) {
        const asked = needs(input)
        const found = await Promise.all(asked.map((need) => judge(need, place)))
        judged.set(input, found)
        return [...new Set(found.map(({ real, tree }, i) => `${asked[i]!.verb}:${tree ? treeOf(real) : real}`))]
      },
      async run(input, call) {
        const [first] = needs(input)
        try {
          return await run(judged.get(input) ?? [], input, call)
        } catch (error) {
          throw call.signal.aborted ? call.signal.reason : fsError(error, first?.path ?? '')
        }
      },
      redact: (input) => needs(input).map(({ path }) => path),
      ...(timeoutMs !== undefined && { timeoutMs }),
    })
  }

  async function judge({ verb, path, tree = false, follow = true }: Need, place: PluginPlace): Promise<Judged> {
    const options = { place, home, guarded, follow, tree: tree !== false }
    const real = await resolvePath(path, options)
    if (verb === 'write' && isWithin(place.package, real) && !isWithin(place.workspace, real)) throw protectedPath(path)
    return { real, tree: tree === 'if-folder' ? await isFolder(real) : tree }
  }
}

const path = z.string().min(1).max(4_096)
const offset = z.number().int().min(0)
const bytes = z.number().int().min(1)
const content = z.union([z.string(), z.instanceof(Uint8Array), z.instanceof(ReadableStream<Uint8Array>)])

function readMethods(define: Define, cap: number): Record<string, CapabilityMethod<never>> {
  const one = { needs: ([path]: readonly [string, ...unknown[]]): Need[] => [{ verb: 'read', path }] }
  return {
    stat: define({ input: z.tuple([path]), ...one, run: ([found]) => statPath(found!.real) }),
    exists: define({ input: z.tuple([path]), ...one, run: ([found]) => exists(found!.real) }),
    list: define({
      input: z.tuple([path, z.strictObject({ after: z.string().optional() }).optional()]),
      ...one,
      run: ([found], [, { after = '' } = {}]) => listFolder(found!.real, after, LIST_PAGE),
    }),
    read: define({
      input: z.tuple([path, z.strictObject({ offset: offset.optional(), maxBytes: bytes.optional() }).optional()]),
      ...one,
      run: ([found], [path, { offset = 0, maxBytes } = {}]) => readFile(found!.real, { path, offset, maxBytes, cap }),
    }),
    readFrom: define({
      input: z.tuple([
        path,
        offset,
        z
          .strictObject({ id: z.string().max(128).optional(), maxBytes: bytes.min(4).max(TEXT_BYTES).optional() })
          .optional(),
      ]),
      ...one,
      run: ([found], [path, offset, { id, maxBytes = TEXT_BYTES } = {}]) =>
        readFrom(found!.real, { path, offset, id, maxBytes }),
    }),
  }
}

function writeMethods(define: Define, cap: number): Record<string, CapabilityMethod<never>> {
  const one = { needs: ([path]: readonly [string, ...unknown[]]): Need[] => [{ verb: 'write', path }] }
  return {
    write: define({
      input: z.tuple([path, content, z.strictObject({ atomic: z.boolean().optional() }).optional()]),
      ...one,
      timeoutMs: LONG_MS,
      async run([found], [path, content, { atomic = true } = {}], { signal, place }) {
        await readyData(found!.real, place)
        await (atomic ? writeAtomic : writeInPlace)(found!.real, content, { path, cap, signal })
      },
    }),
    append: define({
      input: z.tuple([path, content]),
      ...one,
      timeoutMs: LONG_MS,
      async run([found], [path, content], { signal, place }) {
        await readyData(found!.real, place)
        await appendTo(found!.real, content, { path, cap, signal })
      },
    }),
    mkdir: define({ input: z.tuple([path]), ...one, run: ([found]) => makeFolder(found!.real) }),
    remove: define({
      input: z.tuple([path, z.strictObject({ recursive: z.boolean().optional() }).optional()]),
      needs: ([path, { recursive = false } = {}]) => [{ verb: 'write', path, follow: false, tree: recursive }],
      timeoutMs: LONG_MS,
      async run([found], [path], { place }) {
        refuseRoots(found!.real, path, place)
        await removeEntry(found!.real, found!.tree)
      },
    }),
    rename: define({
      input: z.tuple([path, path]),
      // Reading it too: else a plugin could move what it may not read to where it may.
      needs: ([from, to]) => [
        { verb: 'write', path: from, follow: false, tree: 'if-folder' },
        { verb: 'read', path: from, follow: false, tree: 'if-folder' },
        { verb: 'write', path: to, follow: false },
      ],
      async run([from, , to], [path], { place }) {
        refuseRoots(from!.real, path, place)
        await renameEntry(from!.real, to!.real, from!.tree)
      },
    }),
  }
}

function watchMethods(define: Define): Record<string, CapabilityMethod<never>> {
  const watches = new Map<PluginId, Map<number, Release>>()
  let lastId = 0
  return {
    watch: define({
      input: z.tuple([
        path,
        z.custom<OnChanges>((value) => typeof value === 'function', 'a function'),
        z
          .strictObject({ recursive: z.boolean().optional(), ignore: z.array(z.string().max(128)).max(32).optional() })
          .optional(),
      ]),
      needs: ([path, , { recursive = false } = {}]) => [{ verb: 'read', path, tree: recursive }],
      async run([found], [, onChanges, { ignore = ['node_modules', '.git'] } = {}], call) {
        const own = watches.get(call.plugin) ?? new Map<number, Release>()
        watches.set(call.plugin, own)
        if (own.size >= MAX_WATCHES) throw tooManyWatches()
        const id = ++lastId
        own.set(id, () => {}) // its place is taken while it starts
        try {
          const stop = await watchPath(found!.real, { recursive: found!.tree, ignore: new Set(ignore) }, onChanges)
          own.set(
            id,
            keep(call, stop, () => own.delete(id)),
          )
        } catch (error) {
          own.delete(id)
          throw error
        }
        return id
      },
    }),
    unwatch: define({
      input: z.tuple([z.number().int()]),
      needs: () => [],
      async run(_none, [id], { plugin }) {
        const stop = watches.get(plugin)?.get(id)
        await stop?.()
        return stop !== undefined
      },
    }),
  }
}

function keep(call: CapabilityCall, stop: Release, left: () => void): Release {
  try {
    return call.effect(() => () => {
      left()
      return stop()
    })
  } catch (error) {
    void stop() // the call ended while the watch began
    throw error
  }
}

function exists(real: string): Promise<boolean> {
  return lookAt(real).then(
    () => true,
    (error: { code?: string }) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw error
    },
  )
}

function isFolder(real: string): Promise<boolean> {
  return lookAt(real).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** A plugin's own folder is there when it wants to write into it. */
async function readyData(real: string, { data }: PluginPlace): Promise<void> {
  if (isWithin(data, real)) await makeFolder(data)
}

function refuseRoots(real: string, path: string, { workspace, data, package: own }: PluginPlace): void {
  if ([workspace, data, own].some((folder) => isWithin(real, folder))) throw protectedPath(path)
}

function treeOf(real: string): string {
  return real === '/' ? '/**' : `${real}/**`
}

function tooManyWatches(): CapabilityError {
  return new CapabilityError('FS_TOO_MANY_WATCHES', `a plugin watches at most ${MAX_WATCHES} paths at a time`, {
    max: MAX_WATCHES,
    hint: 'Stop one first, or watch the folder above with { recursive: true }.',
  })
}
