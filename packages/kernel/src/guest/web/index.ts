// packages/kernel/src/guest/web/index.ts: web standards for a bare V8 realm. The yardstick is the WinterTC minimum common API.
//   W1  Installing calls nothing of the host and keeps no time, randomness or id: it happens once, in a start-up snapshot.
//   W2  What is installed looks as in browsers: not enumerable, named, tagged.
// @see ECMA-429
import { URLPattern } from 'urlpattern-polyfill/urlpattern'
import { AbortController, AbortSignal } from './abort.ts'
import { atob, btoa } from './base64.ts'
import { Blob, File } from './blob.ts'
import { createPerformance, Performance } from './clock.ts'
import { structuredClone } from './clone.ts'
import { CompressionStream, DecompressionStream } from './compression.ts'
import { createConsole } from './console.ts'
import { Crypto, CryptoKey, createCrypto, SubtleCrypto } from './crypto.ts'
import { defineGlobals, tag } from './define.ts'
import { DOMException } from './dom-exception.ts'
import { TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream } from './encoding.ts'
import { CustomEvent, ErrorEvent, Event, EventTarget, MessageEvent, PromiseRejectionEvent } from './events.ts'
import { fetch } from './fetch.ts'
import { FormData } from './form-data.ts'
import { Headers } from './headers.ts'
import { lendHost, type WebHost } from './host.ts'
import { MessageChannel, MessagePort } from './message-channel.ts'
import { Request } from './request.ts'
import { Response } from './response.ts'
import { URLSearchParams } from './search-params.ts'
import * as streams from './streams.ts'
import {
  clearTimeout,
  fireTimer,
  globalTarget,
  onerror,
  queueMicrotask,
  reportError,
  setInterval,
  setTimeout,
} from './timers.ts'
import { URL } from './url.ts'

export { format } from './format.ts'
export { hardenGlobals } from './harden.ts'
export type { HostRequest, HostResponse, UrlPart, UrlParts, WebHost, WebLogLevel } from './host.ts'
export { inspect } from './inspect.ts'

const USER_AGENT = 'Pryx'

export interface InstalledWeb {
  /** The host's timer of this id has come. Never throws. */
  fireTimer(id: number): void
  /** Tells `error` listeners, then the host, of an error nobody caught. Never throws. */
  reportError(error: unknown): void
}

/** Defines the web's globals in this realm. `host` is kept and called later, never now (W1). */
export function installWeb(host: WebHost): InstalledWeb {
  lendHost(host)
  defineGlobals({
    AbortController,
    AbortSignal,
    CustomEvent,
    DOMException,
    ErrorEvent,
    Event,
    EventTarget,
    MessageEvent,
    PromiseRejectionEvent,
  })
  defineGlobals({ Blob, File, FormData, Headers, Request, Response, fetch })
  defineGlobals({ TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream, atob, btoa })
  defineGlobals({ URL, URLPattern, URLSearchParams, structuredClone, MessageChannel, MessagePort })
  defineGlobals({ ...streamGlobals(), CompressionStream, DecompressionStream })
  defineGlobals({
    Crypto,
    CryptoKey,
    SubtleCrypto,
    Performance,
    crypto: createCrypto(),
    performance: createPerformance(),
  })
  defineGlobals({ setTimeout, setInterval, clearTimeout, queueMicrotask, reportError })
  defineGlobals({ clearInterval: (id?: unknown) => clearTimeout(id) })
  defineGlobals({ console: createConsole(), navigator: createNavigator(), self: globalThis, global: globalThis })
  defineGlobals({
    addEventListener: globalTarget.addEventListener.bind(globalTarget),
    removeEventListener: globalTarget.removeEventListener.bind(globalTarget),
    dispatchEvent: globalTarget.dispatchEvent.bind(globalTarget),
  })
  Object.defineProperty(globalThis, 'onerror', { ...onerror, configurable: true, enumerable: false })
  return { fireTimer, reportError }
}

function streamGlobals(): Record<string, unknown> {
  const { isDisturbed: _d, joinBytes: _j, readAll: _r, streamOf: _s, moveStream: _m, ...classes } = streams
  return classes
}

function createNavigator(): object {
  return tagged(
    { userAgent: USER_AGENT, language: 'en-US', languages: Object.freeze(['en-US']), hardwareConcurrency: 1 },
    'Navigator',
  )
}

function tagged(object: object, name: string): object {
  tag(object, name)
  return Object.freeze(object)
}
