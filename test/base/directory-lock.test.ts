import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerError, lockDirectory } from '#base'

const directory = mkdtempSync(join(tmpdir(), 'pspf-lock-'))
afterAll(() => rmSync(directory, { recursive: true }))

const holder = `
  import { lockDirectory } from '#base'
  try { lockDirectory(process.argv[1], 1000); console.log('held') } catch (error) { console.log(error.code) }
  await new Promise(() => setInterval(() => undefined, 1000))
`

/** Starts another process that takes the lock and stays; answers it with its first line. */
async function startHolder(path: string) {
  const child = Bun.spawn([process.execPath, '-e', holder, path], { stdout: 'pipe', stderr: 'inherit' })
  const first = await child.stdout.getReader().read()
  return { child, line: new TextDecoder().decode(first.value).trim() }
}

test('a second holder in the same process is refused until the first lets go', () => {
  const path = join(directory, 'same')
  const lock = lockDirectory(path, 1000)
  expect(() => lockDirectory(path, 2000)).toThrow(BrokerError)
  expect(() => lockDirectory(path, 2000)).toThrow(
    `is in use by process ${process.pid} (since 1970-01-01T00:00:01`,
  )
  lock.release()
  lockDirectory(path, 3000).release()
  expect(readdirSync(path)).toEqual(['lock.db'])
})

test('another process is refused by name, and kill -9 frees the lock', async () => {
  const path = join(directory, 'other')
  const { child, line } = await startHolder(path)
  expect(line).toBe('held')
  expect(() => lockDirectory(path, 2000)).toThrow(`is in use by process ${child.pid}`)
  child.kill('SIGKILL')
  await child.exited
  lockDirectory(path, 3000).release()
})

test('a process is refused while this one holds the lock', async () => {
  const path = join(directory, 'mine')
  const lock = lockDirectory(path, 1000)
  const { child, line } = await startHolder(path)
  child.kill('SIGKILL')
  await child.exited
  expect(line).toBe('conflict')
  lock.release()
})

test('a directory that cannot be made is refused with a remedy', () => {
  expect(() => lockDirectory('/proc/pspf', 1000)).toThrow('cannot be used')
})

test('a directory that is made is for its owner only; one that is there keeps its mode', () => {
  const made = join(directory, 'made', 'data')
  lockDirectory(made, 1000).release()
  expect(statSync(made).mode & 0o777).toBe(0o700)
  const given = join(directory, 'given')
  mkdirSync(given, { mode: 0o755 })
  lockDirectory(given, 1000).release()
  expect(statSync(given).mode & 0o777).toBe(0o755)
})

test('a directory whose lock file cannot be written is refused with a remedy, and the lock is free again', () => {
  const path = join(directory, 'foreign')
  mkdirSync(join(path, 'lock.json'), { recursive: true })
  expect(() => lockDirectory(path, 1000)).toThrow('cannot be used')
  rmSync(join(path, 'lock.json'), { recursive: true })
  lockDirectory(path, 1000).release()
})
