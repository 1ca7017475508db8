// plugins/router/src/catalogue/lint.ts: what is wrong in the catalogue's data, so that it can be mended where it comes from.
import type { Finding } from '../service.ts'
import { type Catalogue, MODALITY_MASK } from './catalogue.ts'
import { AT, type Compact } from './compact.ts'

const DATE = /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/

/** Every finding in the source's data, in the order of its rows. Overrides do not hide them. */
export function lintCatalogue(base: Compact, catalogue: Catalogue): Finding[] {
  const findings: Finding[] = []
  const sparse = {
    inputLimit: new Map(base.inputLimit),
    cacheRead: new Map(base.cacheRead),
  }
  for (let row = 0; row < base.flags.length; row++) {
    const slug = catalogue.slug(row)
    for (const [rule, message] of rulesBroken(base, row, sparse)) findings.push({ slug, rule, message })
  }
  return findings
}

type Broken = [Finding['rule'], string]

function rulesBroken(
  base: Compact,
  row: number,
  sparse: { inputLimit: Map<number, number>; cacheRead: Map<number, number> },
): Broken[] {
  const [context, output] = [base.context[row] as number, base.output[row] as number]
  const [priceIn, priceOut] = [base.priceIn[row] as number, base.priceOut[row] as number]
  const [inputLimit, cacheRead] = [sparse.inputLimit.get(row), sparse.cacheRead.get(row)]
  const date = base.dates[base.date[row] as number] as string
  const broken: Broken[] = []
  if (context <= 0)
    broken.push(['context-unknown', `its context window is ${context < 0 ? 'missing' : 0}: taken as unknown`])
  if (context > 0 && output > context)
    broken.push(['output-over-context', `its output limit of ${output} is more than its context window of ${context}`])
  if (context > 0 && inputLimit !== undefined && inputLimit > context)
    broken.push([
      'input-over-context',
      `its input limit of ${inputLimit} is more than its context window of ${context}`,
    ])
  if (output <= 0) broken.push(['no-output', 'its output limit is missing or 0: taken as unknown'])
  if (priceIn < 0 || priceOut < 0) broken.push(['price-missing', 'it has no price: taken as unknown, never as free'])
  else if (priceIn === 0 || priceOut === 0)
    broken.push(['price-zero', `a price of 0 (${priceIn} in, ${priceOut} out): taken as unknown, never as free`])
  if (cacheRead !== undefined && priceIn > 0 && cacheRead > priceIn)
    broken.push(['cache-dearer', `reading its cache (${cacheRead}) is dearer than not using it (${priceIn})`])
  if (((base.flags[row] as number) >> AT.output) % (MODALITY_MASK + 1) === 0)
    broken.push(['modality-missing', 'what it answers in (text, images …) is not said: it is never chosen'])
  if (date !== '' && !DATE.test(date)) broken.push(['date-odd', `"${date}" is not a date`])
  return broken
}
