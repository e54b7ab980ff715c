// Single bits and cuts of a small log: they are found, or do no harm; never is a wrong record read. Some bytes of each file,
// or every one with `STRIDE=1`; `test/sim/flips.ts` takes every bit.
import { describe, expect, test } from 'bun:test'
import { cutOf, flipsOf, judgeAll, type Spoiling, smallLog } from './small-log.ts'

const stride = Number(process.env['STRIDE'] ?? 211)
const timeoutMs = 1_800_000

/** Small files more thoroughly. */
function stepOf(size: number): number {
  return size > 4000 ? stride : Math.max(1, Math.floor(stride / 8))
}

function* flips(path: string, size: number): Generator<Spoiling> {
  for (let byte = 0; byte < size; byte += stepOf(size)) yield* flipsOf(path, byte, 1)
}

function* cuts(path: string, size: number): Generator<Spoiling> {
  for (let at = 0; at < size; at += stepOf(size)) yield cutOf(path, at)
}

function wrong(what: string, why: Error): never {
  throw new Error(`${what}: ${why.stack}`)
}

describe('a small log', () => {
  for (const ending of ['closed', 'killed'] as const) {
    test(
      `with one bit flipped, after it was ${ending}, answers what was written or says what is damaged`,
      async () => {
        const tallies = await judgeAll(await smallLog(ending), flips, wrong)
        expect([...tallies.keys()].sort()).toEqual(
          [
            '.index',
            '.json',
            '.lines',
            '.log',
            '.sum',
            '.timeindex',
            '.wal',
            '/data/ballast',
            '/data/checkpoint',
          ].sort(),
        )
        // Zeroes that are never read.
        expect(tallies.get('/data/ballast')).toMatchObject({ damage: 0, refused: 0 })
        expect(tallies.get('/data/checkpoint')).toMatchObject({ damage: 0, harmless: 0 })
        // Killed, what lies behind the checkpoint is written anew from the write-ahead log.
        if (ending === 'closed') {
          expect(tallies.get('.log')).toMatchObject({ refused: 0, harmless: 0 })
          expect(tallies.get('.sum')).toMatchObject({ refused: 0, harmless: 0 })
        } else expect(tallies.get('.wal')!.damage).toBeGreaterThan(0)
        // Indexes are made anew without a word.
        for (const hint of ['.index', '.timeindex'])
          expect(tallies.get(hint)).toMatchObject({ refused: 0, damage: 0 })
      },
      timeoutMs,
    )

    test(
      `with a file cut short, after it was ${ending}, answers what was written or says what is damaged`,
      async () => {
        // Frames at the very end of the write-ahead log are known by nothing else, so a cut there is a torn tail.
        const spoilings = (path: string, size: number) =>
          ending === 'killed' && path.endsWith('.wal') ? [] : cuts(path, size)
        const tallies = await judgeAll(await smallLog(ending), spoilings, wrong)
        expect(tallies.get('/data/checkpoint')).toMatchObject({ damage: 0, harmless: 0 })
        if (ending === 'closed') expect(tallies.get('.sum')).toMatchObject({ refused: 0, harmless: 0 })
      },
      timeoutMs,
    )
  }
})
