// Ends this process when its parent disappears, even while user code holds the thread: on Linux the kernel does it; elsewhere
// the closed channel is noticed as soon as the thread is free.
import { dlopen } from 'bun:ffi'

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9n
/** glibc, then musl by architecture. */
const libraries = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']

/** Answers whether the kernel has taken it on. */
export function dieWithParent(): boolean {
  process.on('disconnect', () => process.exit(0))
  if (process.platform !== 'linux') return false
  for (const library of libraries) {
    const set = openPrctl(library)
    if (set !== undefined) return set(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n) === 0
  }
  return false
}

function openPrctl(library: string) {
  try {
    const signature = { args: ['i32', 'u64', 'u64', 'u64', 'u64'], returns: 'i32' } as const
    return dlopen(library, { prctl: signature }).symbols.prctl
  } catch {
    // Another C library: the next name.
    return undefined
  }
}
