#!/usr/bin/env bun
// Every single bit of every file of a small log, one after the other: it is found, or it does no harm.
//   bun test/sim/flips.ts [--bits 8] [--value-bytes 8] [--slice 0/4]      # a slice takes every fourth byte
import { parseArgs } from 'node:util'
import { flipsOf, judgeAll, type Spoiling, smallLog } from './small-log.ts'

const { values: flags } = parseArgs({
  options: {
    bits: { type: 'string', default: '8' },
    'value-bytes': { type: 'string', default: '8' },
    slice: { type: 'string', default: '0/1' },
  },
})
const [slice, slices] = flags.slice.split('/').map(Number) as [number, number]

let broken = 0
let bytes = 0
for (const ending of ['closed', 'killed'] as const) {
  const flips = function* (path: string, size: number): Generator<Spoiling> {
    for (let byte = slice; byte < size; byte += slices) {
      bytes++
      yield* flipsOf(path, byte, Number(flags.bits))
    }
  }
  const small = await smallLog(ending, Number(flags['value-bytes']))
  const tallies = await judgeAll(small, flips, (what, why) => {
    broken++
    console.log(`${ending}: ${what}: ${why.stack}`)
  })
  for (const [kind, tally] of tallies) console.log(`${ending} ${kind}: ${JSON.stringify(tally)}`)
  // Closed, all of it is below the mark, and the write-ahead log is in the segments.
  if (ending === 'killed') continue
  for (const kind of ['.log', '.sum', '/data/checkpoint']) {
    const { harmless } = tallies.get(kind)!
    if (harmless > 0) console.log(`closed ${kind}: ${harmless} were not found`)
    broken += harmless
  }
}
console.log(
  `${bytes} bytes, ${flags.bits} bits of each: ${broken === 0 ? 'all found or harmless' : `${broken} BROKEN`}`,
)
process.exit(broken === 0 ? 0 : 1)
