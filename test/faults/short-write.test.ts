// A write that the system does only in part, as it does when the disk fills up in the middle of it.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { realDisk } from '#base'
import { because, missing, SmallDisk } from './injection.ts'

test.skipIf(missing.mount !== null)(
  because('a write that happened in part is carried on, and reports why it cannot be ended', missing.mount),
  () => {
    const small = new SmallDisk(2 ** 20)
    const disk = realDisk()
    const file = disk.open(join(small.path, 'file'), 'create')
    try {
      const bytes = new Uint8Array(2 ** 21).fill(7)
      expect(() => file.write(bytes, 0)).toThrow('ENOSPC')
      expect(file.size()).toBe(2 ** 20)
      file.truncate(0)
      file.write(bytes.subarray(0, 2 ** 19), 0)
      expect(file.size()).toBe(2 ** 19)
    } finally {
      file.close()
      disk.close()
      small.remove()
    }
  },
)
