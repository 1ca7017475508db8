// packages/capabilities/src/fs/errors.ts: how the disk says no. `path` is what the plugin wrote, never the real path behind it.
import { CapabilityError, PryxError } from '@pryx/kernel/contract'

const BY_ERRNO: Record<string, [code: string, what: string, hint: string]> = {
  ENOENT: ['FS_NOT_FOUND', 'is not there', 'Check the path, or create it first.'],
  EACCES: ['FS_ACCESS', 'is closed to this user', 'Change its mode or owner, or run Pryx as a user who may.'],
  EPERM: ['FS_ACCESS', 'is closed to this user', 'Change its mode or owner, or run Pryx as a user who may.'],
  EROFS: ['FS_ACCESS', 'is on a read-only disk', 'Choose another place.'],
  EEXIST: ['FS_EXISTS', 'is there already', 'Choose another name, or remove it first.'],
  EISDIR: ['FS_IS_FOLDER', 'is a folder', 'Name a file; `list` reads folders and `remove` takes { recursive: true }.'],
  ENOTDIR: ['FS_NOT_FOLDER', 'has a file where a folder is needed', 'Check the path.'],
  ENOTEMPTY: ['FS_NOT_EMPTY', 'is a folder with something in it', 'Remove it with { recursive: true }.'],
  ENOSPC: ['FS_FULL', 'does not fit: the disk is full', 'Free some space.'],
  EDQUOT: ['FS_FULL', 'does not fit: the quota is used up', 'Free some space.'],
  ELOOP: ['FS_CHANGED', 'leads elsewhere than when it was judged', 'Try again.'],
  ENAMETOOLONG: ['FS_NAME', 'is too long a name', 'Choose a shorter one.'],
  EXDEV: ['FS_OTHER_DISK', 'is on another disk', 'Copy it and remove the old one.'],
  EINVAL: ['FS_NAME', 'cannot be done with this path', 'A folder cannot move into itself.'],
  EMFILE: ['FS_BUSY', 'cannot be opened: too many files are open', 'Close some, then try again.'],
}

/** The error for the guest; those of Pryx pass. */
export function fsError(error: unknown, path: string): unknown {
  if (PryxError.is(error)) return error
  const { code = '', message } = error as { code?: string; message?: string }
  const [name, what, hint] = BY_ERRNO[code] ?? ['FS_FAILED', `cannot be used: ${code || message}`, undefined]
  return new CapabilityError(name, `${path} ${what}`, { path, ...(hint && { hint }) })
}

/** As the platform says it, so that `fsError` names it with the plugin's own path. */
export function changed(): Error {
  return Object.assign(new Error('it leads elsewhere than when it was judged'), { code: 'ELOOP' })
}

export function special(path: string): CapabilityError {
  return new CapabilityError('FS_SPECIAL', `${path} is a device, a pipe, a socket or part of the system’s own trees`, {
    path,
    hint: 'Name a regular file. Facts about the machine come from system:KIND.',
  })
}

export function protectedPath(path: string): CapabilityError {
  return new CapabilityError('FS_PROTECTED', `${path} belongs to Pryx itself, or to a folder it needs`, {
    path,
    hint: 'Use ${data} for files of the plugin’s own.',
  })
}

export function badName(path: string, why: string): CapabilityError {
  return new CapabilityError('FS_NAME', `${JSON.stringify(path.slice(0, 80))} ${why}`, { hint: 'Choose another name.' })
}

export function danglingLink(path: string): CapabilityError {
  return new CapabilityError('FS_LINK', `${path} is a link that leads nowhere or in a circle`, {
    path,
    hint: 'Remove the link, or name what it should lead to.',
  })
}

export function tooBig(path: string, bytes: number, max: number): CapabilityError {
  return new CapabilityError('FS_TOO_BIG', `${path}: ${bytes} bytes; one call takes at most ${max}`, {
    path,
    used: bytes,
    max,
    hint: 'Read in pieces with { offset, maxBytes } or readFrom; write in pieces with append.',
  })
}
