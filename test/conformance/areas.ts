// test/conformance/areas.ts: all areas, in the order of the report.
import type { Area } from './case.ts'
import { abort } from './cases/abort.ts'
import { base64 } from './cases/base64.ts'
import { blob } from './cases/blob.ts'
import { byob } from './cases/byte-streams.ts'
import { clone } from './cases/clone.ts'
import { compression } from './cases/compression.ts'
import { webCrypto } from './cases/crypto.ts'
import { encoding } from './cases/encoding.ts'
import { events } from './cases/events.ts'
import { formData } from './cases/form-data.ts'
import { globals } from './cases/globals.ts'
import { headers } from './cases/headers.ts'
import { messaging } from './cases/messaging.ts'
import { readable } from './cases/readable.ts'
import { request } from './cases/request.ts'
import { response } from './cases/response.ts'
import { searchParams } from './cases/search-params.ts'
import { timers } from './cases/timers.ts'
import { transform } from './cases/transform.ts'
import { url } from './cases/url.ts'
import { urlPattern } from './cases/url-pattern.ts'
import { writable } from './cases/writable.ts'

export const areas: readonly Area[] = [
  url,
  searchParams,
  urlPattern,
  encoding,
  base64,
  readable,
  byob,
  writable,
  transform,
  compression,
  headers,
  request,
  response,
  blob,
  formData,
  abort,
  events,
  messaging,
  clone,
  timers,
  webCrypto,
  globals,
]
