// packages/capabilities/src/secrets/errors.ts: how the vault says no. None of them ever holds a value or a key.
import { CapabilityError } from '@pryx/kernel/contract'

export function wrongKey(file: string): CapabilityError {
  return new CapabilityError(
    'SECRETS_WRONG_KEY',
    `the key does not open ${file}: a wrong passphrase or key file, or the file was changed`,
    {
      hint: 'Give the passphrase or key file the secrets were saved under. The file was left as it is.',
      file,
    },
  )
}

export function tampered(file: string, name: string): CapabilityError {
  return new CapabilityError(
    'SECRETS_TAMPERED',
    `the secret ${name} in ${file} was changed by something else than Pryx`,
    {
      hint: 'Set it again, or restore the file from a backup. The file was left as it is.',
      file,
      name,
    },
  )
}

export function corrupt(file: string, why: string): CapabilityError {
  return new CapabilityError('SECRETS_CORRUPT', `${file} is damaged: ${why}`, {
    hint: 'Restore it from a backup, or move it away to begin anew. The file was left as it is.',
    file,
  })
}

export function keyMissing(keyFile: string): CapabilityError {
  return new CapabilityError(
    'SECRETS_KEY_MISSING',
    `the key file ${keyFile} is gone, and the secrets cannot be read without it`,
    {
      hint: 'Put the key file back, or move secrets.json away to begin anew.',
      file: keyFile,
    },
  )
}

export function badKeyFile(keyFile: string, why: string, hint: string): CapabilityError {
  return new CapabilityError('SECRETS_KEY_INVALID', `the key file ${keyFile} ${why}`, { hint, file: keyFile })
}

export function ioFailed(file: string, error: unknown): CapabilityError {
  const { code, message } = error as { code?: string; message?: string }
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new CapabilityError(
    full ? 'SECRETS_FULL' : 'SECRETS_IO',
    full ? 'the disk is full' : `${file} cannot be used: ${message ?? code}`,
    {
      hint: full ? 'Free some space.' : 'Check that the folder exists and is yours.',
      file,
    },
  )
}
