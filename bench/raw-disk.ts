// The floor: what the disk itself gives to one writer that calls write and fdatasync in turn. Prints one JSON line.
import { closeSync, fdatasyncSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { Histogram, type Latency } from './histogram.ts'

export type RawPlan = { file: string; bytes: number; seconds: number }
export type RawResult = { writesPerSecond: number; megabytesPerSecond: number; latency: Latency }

function run({ file, bytes, seconds }: RawPlan): RawResult {
  const fileSizeMax = 256 * 2 ** 20
  const descriptor = openSync(file, 'w')
  const block = new Uint8Array(bytes).fill(120)
  const histogram = new Histogram()
  const end = performance.now() + seconds * 1000
  let position = 0
  while (performance.now() < end) {
    const began = performance.now()
    writeSync(descriptor, block, 0, bytes, position)
    fdatasyncSync(descriptor)
    histogram.add(performance.now() - began)
    position += bytes
    if (position >= fileSizeMax) {
      ftruncateSync(descriptor, 0)
      position = 0
    }
  }
  closeSync(descriptor)
  rmSync(file)
  return {
    writesPerSecond: histogram.count / seconds,
    megabytesPerSecond: (histogram.count * bytes) / seconds / 1e6,
    latency: histogram.summary(),
  }
}

if (import.meta.main) console.log(JSON.stringify(run(JSON.parse(process.argv[2]!) as RawPlan)))
