// packages/pryx/src/author/publish.ts: a packed plugin to an npm registry. What it may not be sent for is said before anything is sent.
import { PryxError, UsageError } from '@pryx/kernel/contract'
import semver from 'semver'
import type { RegistrySettings } from '../registry/settings.ts'
import type { Packed } from './pack.ts'

export interface PublishChoice {
  /** Default `latest`; a pre-release must name one. */
  tag?: string | undefined
  /** Default `public`. */
  access?: 'public' | 'restricted' | undefined
  otp?: string | undefined
  /** Default: where the CI offers it and the registry takes it. */
  provenance?: boolean | undefined
}

export interface PublishPlan {
  registry: string
  tag: string
  access: 'public' | 'restricted'
  provenance: boolean
}

/** What would be done. @throws PUBLISH_PRIVATE, PUBLISH_TAG */
export function planPublish(
  { packageJson, manifest }: Packed,
  choice: PublishChoice,
  settings: RegistrySettings,
  env: NodeJS.ProcessEnv,
): PublishPlan {
  if (packageJson.private === true)
    throw new UsageError('PUBLISH_PRIVATE', `${manifest.name} is private`, {
      hint: 'Take "private" out of package.json.',
    })
  if (semver.prerelease(manifest.version) !== null && choice.tag === undefined)
    throw new UsageError('PUBLISH_TAG', `${manifest.version} is a pre-release; as "latest" everyone would get it`, {
      hint: 'Name a tag: --tag next',
    })
  const registry = settings.registryOf(manifest.name)
  const access = choice.access ?? 'public'
  const offered = access === 'public' && registry === 'https://registry.npmjs.org/' && offersProvenance(env)
  return { registry, tag: choice.tag ?? 'latest', access, provenance: choice.provenance ?? offered }
}

/** Sends it. @throws PUBLISH_EXISTS, PUBLISH_AUTH, PUBLISH_OTP, PUBLISH_REFUSED, PUBLISH_NETWORK */
export async function publishPlugin(
  { packageJson, tarball, manifest }: Packed,
  plan: PublishPlan,
  { auth, otp }: { auth: RegistrySettings['auth']; otp?: string | undefined },
): Promise<void> {
  const { default: libnpmpublish } = await import('libnpmpublish')
  const { tag, registry, access, provenance } = plan
  try {
    await libnpmpublish.publish(packageJson as unknown as Parameters<typeof libnpmpublish.publish>[0], tarball, {
      ...auth,
      registry,
      access,
      provenance,
      defaultTag: tag,
      ...(otp !== undefined && { otp }),
      fetchRetries: 2,
    })
  } catch (cause) {
    throw refusal(cause as RegistryFault, `${manifest.name}@${manifest.version}`, registry)
  }
}

interface RegistryFault extends Error {
  code?: string
  statusCode?: number
}

function refusal(cause: RegistryFault, what: string, registry: string): PryxError {
  const { code = '', statusCode = 0 } = cause
  const fault = (name: string, message: string, hint: string) =>
    new PryxError(name, message, { registry, status: statusCode || undefined, hint, cause })
  if (code === 'EOTP')
    return fault('PUBLISH_OTP', `${registry} wants a one-time password`, 'Say it again with --otp CODE.')
  if (
    statusCode === 409 ||
    (statusCode === 403 && /previously published|already (present|exists)/i.test(cause.message))
  )
    return fault(
      'PUBLISH_EXISTS',
      `${registry} has ${what} already; a version is for ever`,
      'Raise "version" in package.json.',
    )
  if (statusCode === 401 || statusCode === 403 || code === 'ENEEDAUTH')
    return fault(
      'PUBLISH_AUTH',
      `${registry} does not let you publish ${what}`,
      `Log in: npm login --registry ${registry}`,
    )
  if (statusCode > 0)
    return fault('PUBLISH_REFUSED', `${registry} answered ${statusCode} to ${what}`, 'Nothing was published.')
  return fault(
    'PUBLISH_NETWORK',
    `${registry} could not be reached: ${cause.message}`,
    'Look at your network, and try again.',
  )
}

/** Those whose identity tokens npm takes. */
function offersProvenance(env: NodeJS.ProcessEnv): boolean {
  const github = env.GITHUB_ACTIONS === 'true' && !!env.ACTIONS_ID_TOKEN_REQUEST_URL
  const gitlab = env.GITLAB_CI === 'true' && !!env.SIGSTORE_ID_TOKEN
  return github || gitlab
}
