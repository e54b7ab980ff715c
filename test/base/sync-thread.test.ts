import { describe, expect, test } from 'bun:test'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SyncThread, type Thread } from '../../src/base/sync-thread.ts'

/** A worker that does what the test says. */
class ScriptedWorker {
  onmessage: ((event: { data: unknown }) => void) | null = null
  onerror: ((event: { message: string }) => void) | null = null
  readonly received: unknown[] = []
  postMessage(task: unknown): void {
    this.received.push(task)
  }
  answer(data: unknown): void {
    this.onmessage?.({ data })
  }
  ref(): void {
    this.received.push('ref')
  }
  unref(): void {
    this.received.push('unref')
  }
  terminate(): void {
    this.received.push('terminate')
  }
}

const asThread = (worker: ScriptedWorker) => worker as unknown as Thread

describe('sync thread', () => {
  test('where no thread can run, tasks run here', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pspf-thread-'))
    writeFileSync(join(directory, 'file'), 'x')
    const thread = new SyncThread(() => {
      throw new Error('no threads here')
    })
    await thread.run({ kind: 'directory', path: directory })
    const descriptor = openSync(join(directory, 'file'), 'r+')
    await thread.run({ kind: 'file', descriptor })
    closeSync(descriptor)
    await expect(thread.run({ kind: 'file', descriptor: 12_345 })).rejects.toMatchObject({ code: 'EBADF' })
    await thread.run({ kind: 'remove', path: join(directory, 'file') })
    expect(readdirSync(directory)).toEqual([])
    await expect(thread.run({ kind: 'directory', path: join(directory, 'gone') })).rejects.toMatchObject({
      code: 'ENOENT',
    })
    rmSync(directory, { recursive: true })
  })

  test('a thread that fails to load has done nothing, so its tasks run here', async () => {
    const worker = new ScriptedWorker()
    const thread = new SyncThread(() => asThread(worker))
    const done = thread.run({ kind: 'directory', path: tmpdir() })
    worker.onerror?.({ message: 'module not found' })
    await done
    expect(worker.received.at(-1)).toBe('terminate')
  })

  test('tasks of a thread that died amid its work fail, since nobody knows what it had done', async () => {
    const worker = new ScriptedWorker()
    const thread = new SyncThread(() => asThread(worker))
    const lost = thread.run({ kind: 'directory', path: tmpdir() })
    worker.answer(null)
    worker.onerror?.({ message: 'out of memory' })
    await expect(lost).rejects.toThrow('the sync thread died: out of memory')
    await thread.run({ kind: 'directory', path: tmpdir() })
  })

  test('answers belong to tasks in order, and an idle thread does not hold the process', async () => {
    const worker = new ScriptedWorker()
    const thread = new SyncThread(() => asThread(worker))
    const first = thread.run({ kind: 'file', descriptor: 1 })
    const second = thread.run({ kind: 'file', descriptor: 2 })
    worker.answer(null)
    worker.answer({ code: 'EIO', message: 'broken disk' })
    await expect(first).rejects.toMatchObject({ code: 'EIO' })
    worker.answer(null)
    await second
    expect(worker.received.filter((each) => typeof each === 'object')).toHaveLength(2)
    expect(worker.received.at(-1)).toBe('unref')
  })
})
