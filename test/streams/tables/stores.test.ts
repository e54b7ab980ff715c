// The same questions over every store: what a table shows does not depend on where its state lies.
import { describe, expect, test } from 'bun:test'
import { agg, app, topic, window } from '#streams'
import { harness } from '../../../src/streams/testing/index.ts'
import { storePaths } from '../state/store-paths.ts'
import { testedStores } from '../state/stores.ts'

const newPath = storePaths()
type Row = { key: string; at: number }

async function shown(openStore?: (task: string) => ReturnType<(typeof testedStores)[number]['open']>) {
  const source = topic<Row>('rows', { time: { at: (row) => row.at } })
  const keyed = source.stream().keyBy('key')
  const hopping = window.hopping('40ms', { every: '10ms', grace: '1h' })
  const built = app({ id: 'shop' }).use(
    keyed.count('counts'),
    keyed.window('panes', hopping).aggregate({ n: agg.count() }).emit('on-close'),
    keyed
      .window('visits', window.session({ gap: '5ms', grace: '1h' }))
      .aggregate({ n: agg.count() })
      .emit('on-close'),
  )
  // Half of it is applied to the store, half waits.
  const limits = { applyMutationsMax: 60 }
  const t = await harness(built, { limits, ...(openStore === undefined ? {} : { openStore }) })
  for (let n = 0; n < 150; n++) t.send(source, { key: `k${(n * 7) % 23}`, at: (n * 13) % 200 })
  const answers = []
  for (const node of ['counts', 'panes', 'visits']) {
    answers.push(
      await t.rows(node),
      await t.rows(node, { key: 'k7' }),
      await t.rows(node, { from: 'k1', to: 'k3' }),
    )
  }
  await t.stop()
  return answers
}

for (const { kind, missing, open } of testedStores) {
  describe.skipIf(missing !== null)(
    `tables over the ${kind} store${missing === null ? '' : ` (${missing})`}`,
    () => {
      test('show the same as over memory', async () => {
        const answers = await shown(() => open(newPath(kind)))
        expect(answers).toEqual(await shown())
        expect(answers.every((rows) => rows.length > 0)).toBe(true)
      })
    },
  )
}
