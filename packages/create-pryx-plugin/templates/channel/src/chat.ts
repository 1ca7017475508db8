// src/chat.ts: the chat server's side. Replace its addresses, and net:chat.example.com in package.json, by those of yours.
import { PryxError, z } from '@pryx/sdk'
import { type Message, messageSchema } from './service.ts'

const SERVER = 'https://chat.example.com'

export interface Chat {
  /** Messages after `id`, oldest first. */
  after(id: number, signal: AbortSignal): Promise<Message[]>
  send(to: string, text: string): Promise<void>
}

/** @param token Asked for at each request, so that a new one counts at once. */
export function createChat(token: () => Promise<string | undefined>): Chat {
  return {
    async after(id, signal) {
      const answer = await request(`${SERVER}/messages?after=${id}`, { signal })
      return z.array(messageSchema).parse(await answer.json()) // what comes from outside is checked
    },
    async send(to, text) {
      await request(`${SERVER}/messages`, { method: 'POST', body: JSON.stringify({ to, text }) })
    },
  }

  async function request(url: string, init: RequestInit): Promise<Response> {
    const headers = { authorization: `Bearer ${(await token()) ?? ''}`, 'content-type': 'application/json' }
    const answer = await fetch(url, { ...init, headers })
    if (!answer.ok)
      throw new PryxError('SAMPLE_REFUSED', `the chat server answered ${answer.status}`, {
        hint: answer.status === 401 ? 'Set the secret sample.token to a valid token.' : 'Try again later.',
      })
    return answer
  }
}
