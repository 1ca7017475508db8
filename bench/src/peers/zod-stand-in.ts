// What the planner needs of zod, doing nothing: for a peer that is charged for the plugin's own code alone.
interface Schema {
  min(): Schema
  max(): Schema
  positive(): Schema
  default(): Schema
  int(): Schema
  safeParse(data: unknown): { success: true; data: unknown }
}

const schema: Schema = {
  min: () => schema,
  max: () => schema,
  positive: () => schema,
  default: () => schema,
  int: () => schema,
  safeParse: (data) => ({ success: true, data }),
}

const make = () => schema
export const z = {
  object: make,
  string: make,
  record: make,
  number: make,
  array: make,
  boolean: make,
  unknown: make,
  custom: make,
  any: make,
}
