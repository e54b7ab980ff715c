// The bench of the log in pieces that end: each takes less than 12 minutes of a machine that should do nothing else.
//   bun run bench log -- --part budget
import type { Settings } from './settings.ts'

export type Part = Partial<Omit<Settings, 'scratch'>>

const produce: Part = { only: ['produce'], runs: 3, seconds: 4, records: [1] }
const strong: Part['subjects'] = ['log', 'raw', 'sqlite', 'redis', 'nats']
const single: Part = { inFlight: [64], partitions: [1] }
const quick: Part = { ...produce, seconds: 2, subjects: strong }

export const parts: Readonly<Record<string, readonly Part[]>> = {
  /** Every goal of the log once, 10 minutes. */
  budget: [
    { ...quick, bytes: [1024], inFlight: [256], partitions: [1, 16, 64] },
    { ...quick, ...single, bytes: [16_384] },
    { ...quick, ...single, bytes: [2 ** 20], subjects: ['log', 'raw', 'sqlite', 'redis'] },
    {
      ...quick,
      bytes: [100],
      records: [100],
      inFlight: [16],
      partitions: [1],
      subjects: ['log', 'http', 'redis'],
    },
    { only: ['disturbances'], seconds: 10, bytes: [1024, 16_384], partitions: [1, 64] },
    { only: ['recovery'], runs: 2, gigabytes: [10] },
  ],
  /** 1 KB records one by one. */
  small: [
    { ...produce, bytes: [1024], inFlight: [256], partitions: [1, 16, 64] },
    { ...produce, bytes: [1024], inFlight: [1, 64], partitions: [1] },
  ],
  /** 16 KB and 1 MB. */
  large: [{ ...produce, ...single, bytes: [16_384, 2 ** 20] }],
  /** A hundred records in one append. */
  batches: [{ ...produce, bytes: [100, 1024], records: [100], inFlight: [16], partitions: [1] }],
  /** Latency at half of each one's own rate. */
  tails: [
    {
      ...produce,
      only: ['produce', 'tails'],
      bytes: [1024],
      inFlight: [256],
      partitions: [1, 64],
      subjects: strong,
    },
  ],
  disturbances: [{ only: ['disturbances'], seconds: 60, bytes: [1024, 16_384], partitions: [1, 16, 64] }],
  recovery: [{ only: ['recovery'], runs: 3, gigabytes: [0.1, 1, 10] }],
  read: [{ only: ['read'], runs: 3 }],
}
