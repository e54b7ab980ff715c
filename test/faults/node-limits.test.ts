// The whole product where something runs short: descriptors, memory, luck. Nothing acknowledged is lost.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, type Node, Sandbox } from '../e2e/binary.ts'
import { because, ControlGroup, missing } from './injection.ts'
import { Journal } from './journal.ts'

const timeoutMs = 180_000
let sandbox: Sandbox
let journal: Journal
beforeEach(() => {
  sandbox = new Sandbox()
  journal = new Journal('events')
})
afterEach(() => sandbox.remove())

const createTopic = (node: Node) => node.post('/api/v1/topics', { name: 'events' })

/** Files and bytes below a data directory, without the ballast, which is filled behind a start up to its fixed size. */
function weigh(directory: string): { files: number; bytes: number } {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const paths = names.filter((name) => name !== 'ballast').map((name) => join(directory, name))
  const files = paths.map((path) => statSync(path)).filter((stat) => stat.isFile())
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) }
}

describe('a node that runs short', () => {
  test.skipIf(missing.prlimit !== null)(
    because(
      'of descriptors: a flood of clients passes, what was acknowledged stays, it serves on',
      missing.prlimit,
    ),
    async () => {
      const node = await sandbox.serve([], { under: ['prlimit', '--nofile=64:64'] })
      await createTopic(node)
      const sockets: Promise<unknown>[] = []
      const ends: (() => void)[] = []
      for (let count = 0; count < 200; count++) {
        sockets.push(
          Bun.connect({
            hostname: '127.0.0.1',
            port: node.port,
            socket: { data: () => undefined, open: (socket) => void ends.push(() => socket.end()) },
          }).catch(() => null),
        )
      }
      await Promise.race([Promise.all(sockets), Bun.sleep(2_000)])
      // Those that got in keep their descriptors; the journal's requests queue behind them.
      const during = journal.send(node, 5).catch(() => null)
      for (const end of ends) end()
      await during
      await eventually(
        () => journal.send(node, 5),
        (answer) => answer === null,
      )
      await journal.check(node)
      await node.kill()
      await journal.check(await sandbox.serve())
    },
    timeoutMs,
  )

  const noMemoryGroup = ControlGroup.missing('memory')
  test.skipIf(noMemoryGroup !== null)(
    because('of memory: the kernel ends it under load, and the next start has everything', noMemoryGroup),
    async () => {
      const node = await sandbox.serve()
      await createTopic(node)
      const group = new ControlGroup('memory')
      try {
        group.take(node.pid)
        const flood = journal.flood(node, 8, () => false)
        await eventually(
          async () => journal.acknowledged.size,
          (count) => count > 500,
        )
        // Less than it holds already: what it asks for next is refused, and it is killed.
        for (let limit = 64; limit >= 8 && node.isRunning; limit /= 2)
          tryTo(() => group.set('memory.limit_in_bytes', limit * 2 ** 20))
        await eventually(
          async () => node.isRunning,
          (running) => !running,
        )
        await flood
      } finally {
        await node.kill()
        group.remove()
      }
      const again = await sandbox.serve()
      await journal.check(again)
      expect(await journal.send(again, 5)).toBeNull()
    },
    timeoutMs,
  )

  test(
    'of luck: ten crashes at the start leave no more files and bytes than two',
    async () => {
      const first = await sandbox.serve()
      await createTopic(first)
      expect(await journal.send(first, 500)).toBeNull()
      await first.kill()
      const weights: { files: number; bytes: number }[] = []
      for (let crash = 0; crash < 10; crash++) {
        await (await sandbox.serve()).kill()
        weights.push(weigh(join(sandbox.folder, 'pspf-data')))
      }
      expect(weights.at(-1)!.files).toBeLessThanOrEqual(weights[1]!.files)
      expect(weights.at(-1)!.bytes).toBeLessThanOrEqual(weights[1]!.bytes + 4096)
      await journal.check(await sandbox.serve())
    },
    timeoutMs,
  )
})

/** The kernel may refuse a limit below what is in use. */
function tryTo(act: () => void): void {
  try {
    act()
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== 'EBUSY') throw thrown
  }
}
