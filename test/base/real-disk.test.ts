import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Disk, realDisk } from '#base'

const directory = mkdtempSync(join(tmpdir(), 'pspf-disk-'))
let disk: Disk
beforeAll(() => {
  disk = realDisk()
})
afterAll(() => {
  disk.close()
  rmSync(directory, { recursive: true })
})

const bytes = (text: string) => new TextEncoder().encode(text)

describe('real disk', () => {
  test('bytes are read where they were written', async () => {
    const file = disk.open(join(directory, 'a'), 'create')
    file.write(bytes('hello world'), 0)
    file.write(bytes('HELLO'), 100)
    await file.sync()
    await file.syncBehind()
    file.syncNow()
    const into = new Uint8Array(64)
    expect(file.read(into, 6)).toBe(64)
    expect(new TextDecoder().decode(into.subarray(0, 5))).toBe('world')
    expect(await file.readAsync(into, 100)).toBe(5)
    expect(file.read(into, 105)).toBe(0)
    expect(file.size()).toBe(105)
    file.truncate(3)
    expect(file.size()).toBe(3)
    file.close()
  })

  test('a part of a file is written back, whole pages or not, and stays as it is', async () => {
    const file = disk.open(join(directory, 'written-back'), 'create')
    file.write(new Uint8Array(100_000).fill(7), 0)
    await file.writeBack({ position: 5, sizeBytes: 50_000 })
    await file.writeBack({ position: 90_000, sizeBytes: 1e6 })
    await file.syncBehind()
    const into = new Uint8Array(100_001)
    expect(file.read(into, 0)).toBe(100_000)
    expect(into.subarray(0, 100_000).every((byte) => byte === 7)).toBe(true)
    file.close()
    expect(() => file.writeBack({ position: 0, sizeBytes: 1 })).toThrow('is open when it is used')
  })

  test('modes say whether a file must exist', () => {
    expect(() => disk.open(join(directory, 'absent'), 'read')).toThrow('ENOENT')
    expect(() => disk.open(join(directory, 'absent'), 'write')).toThrow('ENOENT')
    const path = join(directory, 'kept')
    const first = disk.open(path, 'create')
    first.write(bytes('x'), 0)
    first.close()
    const again = disk.open(path, 'create')
    expect(again.size()).toBe(1)
    again.close()
  })

  test('directories list by name, move and disappear', async () => {
    const parent = join(directory, 'parent')
    disk.makeDirectory(join(parent, 'child'))
    disk.open(join(parent, 'b'), 'create').close()
    expect(disk.list(parent)).toEqual(['b', 'child'])
    disk.rename(join(parent, 'b'), join(parent, 'a'))
    await disk.syncDirectory(parent)
    disk.syncDirectoryNow(parent)
    expect(disk.list(parent)).toEqual(['a', 'child'])
    await disk.removeBehind(join(parent, 'child'))
    disk.remove(join(parent, 'a'))
    disk.remove(join(parent, 'a'))
    expect(disk.list(parent)).toEqual([])
    expect(disk.list(join(directory, 'nowhere'))).toEqual([])
    expect(disk.exists(parent)).toBe(true)
  })

  test('a failure on the sync thread keeps its system code', async () => {
    const failed = disk.syncDirectory(join(directory, 'gone'))
    await expect(failed).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('a closed file refuses instead of touching the file that has its number now', () => {
    const file = disk.open(join(directory, 'closed'), 'create')
    file.close()
    expect(() => file.write(bytes('x'), 0)).toThrow('is open when it is used')
  })

  test('syncs of many files at once all end', async () => {
    const files = Array.from({ length: 20 }, (_, index) =>
      disk.open(join(directory, `many-${index}`), 'create'),
    )
    for (const file of files) file.write(bytes('x'), 0)
    await Promise.all(files.flatMap((file) => [file.sync(), file.syncBehind()]))
    for (const file of files) file.close()
  })

  test('a closed disk refuses to sync', async () => {
    const other = realDisk()
    const file = other.open(join(directory, 'late'), 'create')
    await file.sync()
    other.close()
    await expect(file.sync()).rejects.toMatchObject({ code: 'closed' })
    file.close()
  })

  test('space is known', () => {
    const { freeBytes, totalBytes } = disk.space(directory)
    expect(freeBytes).toBeGreaterThan(0)
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes)
  })
})
