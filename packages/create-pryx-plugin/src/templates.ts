// packages/create-pryx-plugin/src/templates.ts: what one can begin with. Each is a whole plugin in `templates/`, built and tested as it stands.

export const TEMPLATES = {
  tool: 'a tool for agents and people: a name, a schema, a function',
  service: 'a service other plugins call, with events, kept in storage',
  channel: 'messages in and out of a chat server',
  task: 'work at set times, by the scheduler',
  panel: 'a web page with data of its own',
} as const

export type Template = keyof typeof TEMPLATES

export const templateNames = Object.keys(TEMPLATES) as Template[]
