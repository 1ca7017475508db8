// packages/kernel/src/guest/manifest-tools.ts: tools a manifest declares with a `handler`: a simple tool is one exported function (K1).
import type { z } from 'zod'
import { ManifestError } from '../contract/errors.ts'
import type { PluginContext } from '../contract/plugin.ts'
import type { ManifestTool } from '../contract/wire.ts'
import type { Caller } from './ambient.ts'
import type { Tool } from './offers.ts'
import { fromJsonSchema } from './schemas.ts'

/** `export function now(input, { signal, from, trace }, ctx)` */
type Handler = (input: unknown, call: Caller, ctx: PluginContext) => unknown

/** @throws MANIFEST_INVALID for a handler that the entry does not export. */
export function manifestTools(tools: readonly ManifestTool[], exports: object, ctx: PluginContext): Tool[] {
  return tools.filter((tool) => tool.handler !== undefined).map((tool) => toTool(tool, exports, ctx))
}

function toTool(tool: ManifestTool, exports: object, ctx: PluginContext): Tool {
  const handler = tool.handler as string
  const run = Object.hasOwn(exports, handler) ? (exports as Record<string, unknown>)[handler] : undefined
  if (typeof run !== 'function') {
    throw new ManifestError('MANIFEST_INVALID', `tool ${tool.name}: the entry exports no function "${handler}"`, {
      path: 'pryx.tools',
      found: handler,
      expected: 'the name of an exported function',
      hint: `Add \`export function ${handler}(input) { … }\` to the entry, or correct \`handler\`.`,
    })
  }
  let schema: z.ZodType | undefined
  return {
    name: tool.name,
    description: tool.description,
    schema: tool.input,
    input() {
      if (tool.input !== undefined) schema ??= schemaOf(tool)
      return schema
    },
    run: (input, call) => (run as Handler)(input, call, ctx),
  }
}

function schemaOf(tool: ManifestTool): z.ZodType {
  try {
    return fromJsonSchema(tool.input)
  } catch (cause) {
    throw new ManifestError(
      'MANIFEST_INVALID',
      `tool ${tool.name}: its input is not a JSON Schema that can be checked`,
      { path: 'pryx.tools', cause },
    )
  }
}
