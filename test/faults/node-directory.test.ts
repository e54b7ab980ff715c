// Data directories that cannot be used, or no longer: one line that says what and how to mend it, the documented exit
// code, and nothing touched.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Health } from '../../src/http/contract.ts'
import { type Node, type Outcome, Sandbox } from '../e2e/binary.ts'
import { because, missing, SmallDisk } from './injection.ts'
import { Journal } from './journal.ts'

const timeoutMs = 120_000
let sandbox: Sandbox
let journal: Journal
beforeEach(() => {
  sandbox = new Sandbox()
  journal = new Journal('events')
})
afterEach(() => sandbox.remove())

const serve = ['serve', '--http', '127.0.0.1:0']
const dataDirectory = () => join(sandbox.folder, 'pspf-data')

/** A node with five hundred records, stopped as `how` says. */
async function filled(how: 'kill' | 'stop'): Promise<void> {
  const node = await sandbox.serve()
  await createTopic(node)
  expect(await journal.send(node, 500)).toBeNull()
  await node[how]()
}

const createTopic = (node: Node) => node.post('/api/v1/topics', { name: 'events' })

/** One line: what, how to fix it, and the code. */
function expectRefusal({ code, err }: Outcome, exitCode: number, what: RegExp): void {
  const lines = err
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('error:'))
  expect({ code, lines: lines.length, err }).toMatchObject({ code: exitCode, lines: 1 })
  expect(lines[0]).toMatch(what)
  expect(lines[0]).toMatch(/ \| fix: .+/)
}

describe('one process at a time', () => {
  test(
    'a second one is refused and names the first; after kill -9 the next one starts',
    async () => {
      const node = await sandbox.serve()
      await createTopic(node)
      expect(await journal.send(node, 10)).toBeNull()
      expectRefusal(await sandbox.run(serve), 4, new RegExp(`in use by process ${node.pid}`))
      symlinkSync(dataDirectory(), join(sandbox.folder, 'other-name'))
      expectRefusal(await sandbox.run([...serve, '--data-dir', 'other-name']), 4, /in use/)
      expect(await journal.send(node, 10)).toBeNull()
      await node.kill()
      const again = await sandbox.serve(['--data-dir', 'other-name'])
      await journal.check(again)
    },
    timeoutMs,
  )
})

describe('a directory that cannot be used', () => {
  test.skipIf(missing.mount !== null)(
    because('on a read-only file system', missing.mount),
    async () => {
      const small = new SmallDisk(100 * 2 ** 20)
      const directory = join(small.path, 'data')
      try {
        const node = await sandbox.serve(['--data-dir', directory])
        await createTopic(node)
        await node.stop()
        small.readOnly(true)
        expectRefusal(await sandbox.run([...serve, '--data-dir', directory]), 2, /read-?only/i)
        small.readOnly(false)
        await (await sandbox.serve(['--data-dir', directory])).stop()
      } finally {
        small.remove()
      }
    },
    timeoutMs,
  )

  test.skipIf(missing.setpriv !== null)(
    because('of another user', missing.setpriv),
    async () => {
      await filled('stop')
      chmodSync(sandbox.folder, 0o755)
      const child = Bun.spawn(
        ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', sandbox.binary, ...serve],
        {
          cwd: sandbox.folder,
          env: { PATH: '/usr/bin:/bin', TMPDIR: '/tmp' },
          stdout: 'pipe',
          stderr: 'pipe',
          timeout: 30_000,
        },
      )
      const err = await new Response(child.stderr).text()
      expectRefusal({ code: await child.exited, out: '', err }, 2, /cannot be used|permission/i)
      await journal.check(await sandbox.serve())
    },
    timeoutMs,
  )

  test(
    'a file in its place, and a link to nothing that can be made',
    async () => {
      writeFileSync(join(sandbox.folder, 'file'), 'mine')
      expectRefusal(await sandbox.run([...serve, '--data-dir', 'file']), 2, /file/)
      symlinkSync('/proc/nothing/here', join(sandbox.folder, 'dangling'))
      expectRefusal(await sandbox.run([...serve, '--data-dir', 'dangling']), 2, /dangling/)
      expect(readFileSync(join(sandbox.folder, 'file'), 'utf8')).toBe('mine')
    },
    timeoutMs,
  )

  test(
    'of a newer format: refused by name, untouched',
    async () => {
      await filled('stop')
      const path = join(dataDirectory(), 'format.json')
      const format = JSON.parse(readFileSync(path, 'utf8')) as { format: number }
      writeFileSync(path, JSON.stringify({ ...format, format: 99 }))
      expectRefusal(await sandbox.run(serve), 4, /format 99.*reads up to/)
      writeFileSync(path, JSON.stringify(format))
      await journal.check(await sandbox.serve())
    },
    timeoutMs,
  )

  test(
    'with its checkpoint gone, cut, empty or garbage: refused by name, and whole again when it is back',
    async () => {
      await filled('kill')
      const path = join(dataDirectory(), 'checkpoint')
      const kept = readFileSync(path)
      const damages: [string, () => void][] = [
        ['gone', () => renameSync(path, `${path}.aside`)],
        ['cut', () => truncateSync(path, kept.length - 3)],
        ['empty', () => truncateSync(path, 0)],
        ['garbage', () => writeFileSync(path, 'x'.repeat(kept.length))],
      ]
      for (const [, damage] of damages) {
        damage()
        expectRefusal(await sandbox.run(serve), 10, /checkpoint/)
        rmSync(`${path}.aside`, { force: true })
        writeFileSync(path, kept)
      }
      await journal.check(await sandbox.serve())
    },
    timeoutMs,
  )

  test(
    'deleted under a running node: no acknowledgement of what is nowhere',
    async () => {
      const node = await sandbox.serve()
      await createTopic(node)
      expect(await journal.send(node, 100)).toBeNull()
      rmSync(dataDirectory(), { recursive: true })
      const refusal = await journal.send(node, 1)
      expect(refusal).toMatchObject({ status: 503, problem: { code: 'disk_failed' } })
      expect(refusal!.problem.detail).toContain('deleted')
      const health = await fetch(`${node.url}/health`)
      expect([health.status, ((await health.json()) as Health).status]).toEqual([503, 'down'])
    },
    timeoutMs,
  )

  test(
    'an empty one that exists already, and one that must be made',
    async () => {
      mkdirSync(join(sandbox.folder, 'empty'))
      for (const directory of ['empty', 'deep/er/still']) {
        const node = await sandbox.serve(['--data-dir', directory])
        expect(existsSync(join(sandbox.folder, directory, 'format.json'))).toBe(true)
        expect(await node.stop()).toBe(0)
      }
    },
    timeoutMs,
  )
})
