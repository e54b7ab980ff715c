#!/usr/bin/env bun
// Many lives of a log, as long as one likes: every seed is lived to its end, and those that break an invariant are named.
//   bun test/sim/lives.ts --seeds 0-10000 [--kind lives|rot|misdirect]
// A seed that breaks becomes one of `remembered.ts`.
import { parseArgs } from 'node:util'
import { live } from './log-life.ts'
import { misdirectAndJudge, rotAndJudge, rots } from './log-rot.ts'

const { values: flags } = parseArgs({
  options: { seeds: { type: 'string', default: '0-4000' }, kind: { type: 'string', default: 'lives' } },
})

type Counts = Record<string, number>
const kinds: Record<string, (seed: number, counts: Counts) => Promise<void>> = {
  async lives(seed, counts) {
    const { powerCuts, kills, model } = await live(seed)
    add(counts, 'powerCuts', powerCuts)
    add(counts, 'kills', kills)
    add(counts, 'acknowledged', model.attempts.filter(({ outcome }) => outcome === 'acknowledged').length)
  },
  async rot(seed, counts) {
    for (const kind of Object.keys(rots)) add(counts, (await rotAndJudge(seed, kind)).became, 1)
  },
  async misdirect(seed, counts) {
    add(counts, (await misdirectAndJudge(seed)).became, 1)
  },
}

function add(counts: Counts, what: string, count: number): void {
  counts[what] = (counts[what] ?? 0) + count
}

/** A run of hours that is ended early has still told what it saw. */
const toldEvery = 500
const one = kinds[flags.kind]
if (one === undefined) throw new Error(`--kind is one of ${Object.keys(kinds).join(', ')}`)
const [first, last] = flags.seeds.split('-').map(Number) as [number, number]
const counts: Counts = {}
const broken: number[] = []
const started = performance.now()
for (let seed = first; seed < last; seed++) {
  try {
    await one(seed, counts)
  } catch (thrown) {
    broken.push(seed)
    console.log(`seed ${seed}: ${(thrown as Error).stack}`)
  }
  if ((seed + 1 - first) % toldEvery === 0) console.log(`up to ${seed}: ${JSON.stringify(counts)}`)
}
const minutes = (performance.now() - started) / 60_000
const perMinute = Math.round((last - first) / minutes)
console.log(`${flags.kind}: seeds ${first} to ${last - 1}, ${perMinute} a minute, ${JSON.stringify(counts)}`)
console.log(broken.length === 0 ? 'no invariant broken' : `BROKEN: seeds ${broken.join(', ')}`)
process.exit(broken.length === 0 ? 0 : 1)
