// How much memory another process has, as the kernel counts it: also while the process has no time to say so itself.
import { readFileSync } from 'node:fs'

/** Resident bytes; null where it cannot be told (another system than Linux, a process that has ended). */
export function processMemoryBytes(pid: number): number | null {
  if (process.platform !== 'linux') return null
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    // It ends now, or has ended: whoever started it is told so.
    return null
  }
}
