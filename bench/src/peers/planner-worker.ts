import { parentPort } from 'node:worker_threads'
import { askPlanner } from './planner.ts'

parentPort?.on('message', () => {}) // stays
parentPort?.postMessage(await askPlanner())
