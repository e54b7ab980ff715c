// A file system of its own in a file, which can be shut down under whoever writes to it: the nearest to a power cut that a
// machine can do to itself. What was not synced is gone, journal and all. Needs Linux, root, mkfs.ext4 and loop devices.
import { dlopen, FFIType } from 'bun:ffi'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** FS_IOC_SHUTDOWN: 1 writes the journal first, 2 writes nothing. */
const shutdownRequest = 0x8004587d

export type ShutdownFlag = 1 | 2

export class LoopDisk {
  readonly #scratch = mkdtempSync(join(tmpdir(), 'pspf-power-'))
  readonly mountPoint = join(this.#scratch, 'mount')
  readonly #image = join(this.#scratch, 'image')

  /** Far larger than the data: on a nearly full image the kernel writes early and hides a loss. */
  static async make(): Promise<LoopDisk> {
    const disk = new LoopDisk()
    mkdirSync(disk.mountPoint)
    await run('truncate', '-s', '2G', disk.#image)
    await run('mkfs.ext4', '-q', disk.#image)
    return disk
  }

  async mounted<T>(act: () => Promise<T>): Promise<T> {
    await run('mount', '-o', 'loop', this.#image, this.mountPoint)
    try {
      return await act()
    } finally {
      await run('umount', this.mountPoint)
    }
  }

  shutDown(flag: ShutdownFlag): void {
    const { symbols } = dlopen('libc.so.6', {
      ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
    })
    const descriptor = openSync(this.mountPoint, 'r')
    const answer = symbols.ioctl(descriptor, shutdownRequest, new Uint32Array([flag]))
    closeSync(descriptor)
    if (answer !== 0) throw new Error('this file system cannot be shut down')
  }

  remove(): void {
    rmSync(this.#scratch, { recursive: true })
  }
}

async function run(...command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdout: 'ignore', stderr: 'inherit' })
  if ((await child.exited) !== 0) throw new Error(`failed: ${command.join(' ')}`)
}
