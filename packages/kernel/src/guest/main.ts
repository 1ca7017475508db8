// packages/kernel/src/guest/main.ts: the script of the startup snapshot for plugins that bring schemas: the realm, and zod to import.
import * as zod from 'zod'
import { openRealm } from './realm.ts'
import { supplySchemas, useCommonSchemas } from './schemas.ts'
import { settleNamespace } from './settle.ts'

settleNamespace(zod)
useCommonSchemas(zod)
supplySchemas(zod)
openRealm({ zod })
