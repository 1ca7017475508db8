// packages/kernel/src/guest/main-lean.ts: the script of the startup snapshot for plugins without schemas: half the heap.
import { openRealm } from './realm.ts'

openRealm({})
