// test/hostile/escapes/families.ts: the whole corpus.
import type { Attempt } from './attempt.ts'
import { constructors } from './constructors.ts'
import { depth } from './depth.ts'
import { errors } from './errors.ts'
import { cloning, iteration, proxies, species } from './objects.ts'
import { generators, promises } from './promises.ts'
import { callbacks, compiling, dispose, patches, snapshot } from './runtime.ts'
import { wire } from './wire.ts'

export const families: [string, Attempt[]][] = [
  ['constructor and prototype chains', constructors],
  ['error objects and stacks', errors],
  ['proxies and getters', proxies],
  ['promises and thenables', promises],
  ['Symbol.species', species],
  ['iterators and toJSON', iteration],
  ['structured clone', cloning],
  ['async generators and streams', generators],
  ['runtime internals patched', patches],
  ['wire forgery and replay', wire],
  ['oversized and deep messages', depth],
  ['snapshot state', snapshot],
  ['timing of the end', dispose],
  ['code made at run time', compiling],
  ['host callbacks misused', callbacks],
]
