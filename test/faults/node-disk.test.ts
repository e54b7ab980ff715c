// The whole product on a bad, slow or full disk: what clients are told, what goes on meanwhile, what is there afterwards.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Health, ProduceAnswer, RecordsPage } from '../../src/http/contract.ts'
import { eventually, type Node, Sandbox } from '../e2e/binary.ts'
import { because, injected, missing, SmallDisk } from './injection.ts'
import { Journal } from './journal.ts'

const timeoutMs = 120_000
let sandbox: Sandbox
let journal: Journal
beforeEach(() => {
  sandbox = new Sandbox()
  journal = new Journal('events')
})
afterEach(() => sandbox.remove())

const createTopic = (node: Node, name = 'events') => node.post('/api/v1/topics', { name })

async function health(node: Node): Promise<{ status: number; health: Health }> {
  const response = await fetch(`${node.url}/health`)
  return { status: response.status, health: (await response.json()) as Health }
}

const traced = test.skipIf(missing.strace !== null)

describe('a disk that fails', () => {
  traced(
    because(
      'a failed sync: no acknowledgement, reads go on, health says down, a restart has everything',
      missing.strace,
    ),
    async () => {
      const node = await sandbox.serve([], { under: injected('fdatasync:error=EIO:when=40') })
      await createTopic(node)
      const refusal = await journal.sendUntilRefused(node, () => false)
      expect(refusal).toMatchObject({ status: 503, problem: { code: 'disk_failed', retriable: false } })
      expect(refusal!.problem.fix).toContain('restart')
      expect(journal.acknowledged.size).toBeGreaterThan(20)
      await journal.check(node)
      expect(await journal.send(node, 1)).toMatchObject({ problem: { code: 'disk_failed' } })
      const { status, health: told } = await health(node)
      expect([status, told.status]).toEqual([503, 'down'])
      expect(told.checks.find(({ name }) => name === 'log')?.detail).toContain('restart')
      await node.kill()
      const again = await sandbox.serve()
      await journal.check(again)
      expect(await journal.send(again, 5)).toBeNull()
      await journal.check(again)
    },
    timeoutMs,
  )

  traced(
    because('a sync that takes five seconds: acknowledgements wait, reads and probes do not', missing.strace),
    async () => {
      const node = await sandbox.serve([], { under: injected('fdatasync:delay_enter=5000000:when=30') })
      await createTopic(node)
      let answered = 0
      let sent = 0
      let over = false
      const producing = (async () => {
        while (!over) {
          sent++
          expect(await journal.send(node, 1)).toBeNull()
          answered++
        }
      })()
      // The stall is where a request is not answered while a hundred others are.
      for (let stalledAt = -1, reads = 0; reads < 100; ) {
        if (stalledAt !== answered) {
          stalledAt = answered
          reads = 0
        }
        await node.get<RecordsPage>('/api/v1/topics/events/records?partition=0&from=earliest&limit=1')
        expect((await fetch(`${node.url}/livez`)).status).toBe(200)
        reads++
      }
      expect(sent).toBe(answered + 1)
      over = true
      await producing
      expect(answered).toBe(sent)
      await journal.check(node)
    },
    timeoutMs,
  )
})

describe('a disk that is full', () => {
  test.skipIf(missing.mount !== null)(
    because(
      'refused and told so; reads, deletes and probes go on; it resumes by itself; kill -9 loses nothing',
      missing.mount,
    ),
    async () => {
      const small = new SmallDisk(192 * 2 ** 20)
      const dataDirectory = join(small.path, 'data')
      try {
        const node = await sandbox.serve(['--data-dir', dataDirectory])
        await createTopic(node)
        await createTopic(node, 'ballast')
        expect(await journal.send(node, 100)).toBeNull()
        const padding = 'x'.repeat(500_000)
        const ballast = new Journal('ballast')
        const refusal = await ballast.sendUntilRefused(node, () => false, padding)
        expect(refusal).toMatchObject({ status: 507, problem: { code: 'disk_full', retriable: true } })
        expect(await journal.send(node, 1)).toMatchObject({ problem: { code: 'disk_full' } })
        await journal.check(node)
        const full = await health(node)
        expect([full.status, full.health.status]).toEqual([200, 'degraded'])
        expect((await fetch(`${node.url}/livez`)).status).toBe(200)

        const deleted = await fetch(`${node.url}/api/v1/topics/ballast`, { method: 'DELETE' })
        expect(deleted.status).toBe(204)
        await eventually(
          () => journal.send(node, 1),
          (answer) => answer === null,
        )
        await journal.check(node)
        await node.kill()
        const again = await sandbox.serve(['--data-dir', dataDirectory])
        await journal.check(again)
        await again.kill()
      } finally {
        await sandbox.remove()
        small.remove()
      }
    },
    timeoutMs,
  )

  test.skipIf(missing.mount !== null)(
    because(
      'full to the last byte at the start: it starts, or says so in one line and starts when there is room',
      missing.mount,
    ),
    async () => {
      const small = new SmallDisk(160 * 2 ** 20)
      const dataDirectory = join(small.path, 'data')
      try {
        const node = await sandbox.serve(['--data-dir', dataDirectory])
        await createTopic(node)
        expect(await journal.send(node, 500)).toBeNull()
        const giveBack = small.fill()
        await node.kill()
        const tried = await sandbox.serve(['--data-dir', dataDirectory]).catch((error: Error) => error)
        if (tried instanceof Error) {
          expect(tried.message).toMatch(/error: .*(full|space).* \| fix: .*space/)
        } else {
          await journal.check(tried)
          expect(await journal.send(tried, 1)).toMatchObject({ problem: { code: 'disk_full' } })
          await tried.kill()
        }
        giveBack()
        const again = await sandbox.serve(['--data-dir', dataDirectory])
        await journal.check(again)
        expect(
          await again.post<ProduceAnswer>('/api/v1/topics/events/records', {
            records: [{ value: { n: -1 } }],
          }),
        ).toMatchObject({ count: 1 })
        await again.kill()
      } finally {
        await sandbox.remove()
        small.remove()
      }
    },
    timeoutMs,
  )
})
