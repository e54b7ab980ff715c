export { type CrashPoint, crashPoints } from './crash-point.ts'
export { type Harness, type HarnessOptions, harness, type SendOptions } from './harness.ts'
