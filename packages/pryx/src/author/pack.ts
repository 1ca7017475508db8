// packages/pryx/src/author/pack.ts: a plugin as one tarball, the same bytes from the same files on every machine (K9).
//   P1  Order, times, owners and modes are the packer's, not the disk's.
//   P2  What goes in is what npm's own rules say ("files" of package.json), and the changelog, which users are shown before an update; links and what looks like a secret are refused by name.
import { existsSync, globSync, lstatSync, readFileSync } from 'node:fs'
import { join, matchesGlob, relative } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type Manifest, ManifestError, parseManifest } from '@pryx/kernel/contract'
import packlist from 'npm-packlist'
import ssri from 'ssri'
import { create } from 'tar'

const EPOCH = new Date('1985-10-26T08:15:00.000Z') // npm's own choice: some tools dislike 1970
const CHANGELOG = 'CHANGELOG.md'
const SECRETS = ['**/.env', '**/.env.*', '**/*.pem', '**/*.key', '**/*.p12', '**/id_rsa', '**/id_ed25519', '**/.npmrc']

export interface Packed {
  manifest: Manifest
  /** package.json, parsed. */
  packageJson: Record<string, unknown>
  tarball: Buffer
  /** `pryx-plugin-notes-1.0.0.tgz`; a scope is joined on by a dash. */
  file: string
  /** Paths in it, sorted. */
  files: string[]
  /** Bytes of all files before packing. */
  unpackedBytes: number
  /** sha512, as lock files have it. */
  integrity: string
}

/**
 * Packs a built plugin.
 *
 * @throws MANIFEST_*; PACK_ENTRY if the entry would be left out, PACK_LINK, PACK_SECRET, PACK_WORKSPACE.
 */
export async function packPlugin(folder: string): Promise<Packed> {
  const place = join(folder, 'package.json')
  const packageJson = readPackage(place)
  const manifest = parseManifest(packageJson, place)
  const files = (await listFiles(folder, packageJson)).sort()
  refuseWhatCannotGo(folder, files, { manifest, packageJson })
  refuseWorkspace(packageJson, place)
  const tarball = await buffer(
    create(
      {
        cwd: folder,
        prefix: 'package/',
        portable: true,
        gzip: { level: 9 },
        mtime: EPOCH,
        strict: true,
        onWriteEntry: (entry) => {
          if (entry.stat) entry.stat.mode = 0o100644 // P1
        },
      },
      files,
    ),
  )
  return {
    manifest,
    packageJson,
    tarball,
    file: `${manifest.name.replace(/^@/, '').replace('/', '-')}-${manifest.version}.tgz`,
    files,
    unpackedBytes: files.reduce((sum, name) => sum + lstatSync(join(folder, name)).size, 0),
    integrity: ssri.fromData(tarball, { algorithms: ['sha512'] }).toString(),
  }
}

function readPackage(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  } catch (cause) {
    throw new ManifestError('MANIFEST_MISSING', `${file} cannot be read: ${(cause as Error).message}`, {
      file,
      cause,
      hint: 'Run this in the folder of a plugin.',
    })
  }
}

async function listFiles(folder: string, packageJson: object): Promise<string[]> {
  // Of npm's tree only this is looked at, as nothing is bundled by npm's own means.
  const tree = {
    path: folder,
    package: { ...packageJson, bundleDependencies: [] },
    isProjectRoot: true,
    edgesOut: new Map(),
  }
  const files = await packlist(tree as unknown as Parameters<typeof packlist>[0])
  return files.includes(CHANGELOG) || !existsSync(join(folder, CHANGELOG)) ? files : [...files, CHANGELOG]
}

/** P2 */
function refuseWhatCannotGo(
  folder: string,
  files: readonly string[],
  { manifest: { entry }, packageJson }: Pick<Packed, 'manifest' | 'packageJson'>,
): void {
  if (!files.includes(entry.replace(/^\.\//, '')))
    throw new ManifestError('PACK_ENTRY', `the tarball would not hold ${entry}, which pryx.entry names`, {
      file: join(folder, 'package.json'),
      path: 'files',
      hint: `Build it, and name its folder in "files": ["${entry.split('/')[0]}"].`,
    })
  const link = files.find((name) => !lstatSync(join(folder, name)).isFile()) ?? linkIn(folder, packageJson)
  if (link !== undefined)
    throw new ManifestError('PACK_LINK', `${link} is a link or no file; a plugin's tarball holds files only`, {
      file: join(folder, link),
      hint: 'Put the file itself there, or leave it out of "files".',
    })
  const secret = files.find((name) => SECRETS.some((pattern) => matchesGlob(name, pattern)))
  if (secret !== undefined)
    throw new ManifestError('PACK_SECRET', `${secret} looks like a secret and would be published`, {
      file: join(folder, secret),
      hint: 'Leave it out of "files", or rename it if it is none.',
    })
}

/** npm's rules leave links out without a word; what "files" names and the tarball lacks would be missed on a user's machine only. */
function linkIn(folder: string, { files }: { files?: unknown }): string | undefined {
  const named = Array.isArray(files) ? files.filter((one) => typeof one === 'string' && !one.startsWith('!')) : ['.']
  const found = globSync(
    named.flatMap((one) => [one, `${one}/**`]),
    { cwd: folder, withFileTypes: true, exclude: (entry) => entry.name === 'node_modules' || entry.name === '.git' },
  ).find((entry) => entry.isSymbolicLink())
  return found && relative(folder, join(found.parentPath, found.name))
}

function refuseWorkspace(packageJson: Record<string, unknown>, file: string): void {
  for (const [name, range] of Object.entries((packageJson.dependencies ?? {}) as Record<string, string>))
    if (/^(workspace|file|link):/.test(range))
      throw new ManifestError(
        'PACK_WORKSPACE',
        `${file}: dependencies.${name} is "${range}", which exists on this machine only`,
        {
          file,
          path: `dependencies.${name}`,
          found: range,
          hint: 'The bundle holds what it needs: move it to devDependencies.',
        },
      )
}
