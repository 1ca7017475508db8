import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createProject } from '../cli/bin-testing.ts'

interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  startTimeUnixNano: string
  endTimeUnixNano: string
}

const caller = `export default { async activate(ctx) {
  const storage = await ctx.use({ name: 'storage', version: '1.0.0', methods: {} })
  setInterval(() => storage.set('a', 'a text that is private'), 100)
} }`

test('N5: with a collector in pryx.json spans reach it as OTLP JSON; without one nothing leaves', {
  timeout: 60_000,
}, async () => {
  await using collector = await openCollector()
  await using project = createProject(['busy'])
  project.plugin('busy', caller, { permissions: ['storage'] })
  const entry = { busy: { source: './plugins/busy' } }
  project.write('pryx.json', { plugins: entry })
  const silent = await project.up('--consent', 'declared')
  await new Promise((done) => setTimeout(done, 2_500)) // longer than a flush
  await silent.end()
  expect(collector.requests).toEqual([])

  project.write('pryx.json', { plugins: entry, telemetry: { otlp: collector.url } })
  const host = await project.up('--consent', 'declared')
  await expect.poll(() => collector.spans().length, { timeout: 20_000 }).toBeGreaterThan(5)
  await host.end()

  expect(collector.requests[0]).toMatchObject({ method: 'POST', url: '/v1/traces', type: 'application/json' })
  const spans = collector.spans()
  const root = spans.find(({ name }) => name === 'storage.set')!
  const parts = spans.filter(({ parentSpanId }) => parentSpanId === root.spanId)
  expect(root.traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(parts.map(({ name }) => name).toSorted()).toEqual(['driver storage.set', 'gate storage.set'])
  for (const { traceId, startTimeUnixNano, endTimeUnixNano } of parts) {
    expect(traceId).toBe(root.traceId)
    expect(BigInt(startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(root.startTimeUnixNano))
    expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano))
  }
  expect(JSON.stringify(collector.requests)).not.toContain('private')
})

async function openCollector() {
  const requests: { method?: string | undefined; url?: string | undefined; type?: string | undefined; body: string }[] =
    []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    requests.push({ method: request.method, url: request.url, type: request.headers['content-type'], body })
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    requests,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () =>
      requests.flatMap(({ body }) =>
        (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[] }).resourceSpans.flatMap(
          (one) => one.scopeSpans.flatMap(({ spans }) => spans),
        ),
      ),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
