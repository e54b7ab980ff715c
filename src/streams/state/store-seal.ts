// The seal of a store's file that was closed: its size and a hash of all its bytes, beside it as `<file>.seal`. It is
// broken before the store changes anything, so a file with a seal is what was closed, byte for byte, or is damaged: in
// its inner pages a flipped bit would hide rows without any row being wrong. A file without one was not closed; its store
// looks through it in its own way.
import { closeSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { systemCode } from '#base'

/** Hashed within a second; of larger files the seal says the size only, so that closing ends in time. */
const hashedSizeBytesMax = 1024 * 1024 * 1024
const chunkSizeBytes = 4 * 1024 * 1024

type Seal = { readonly sizeBytes: number; readonly hash: string | null }

const sealOf = (path: string): string => `${path}.seal`

/** Call it when everything is in the file and nobody has it open. */
export function sealFile(path: string): void {
  writeFileSync(sealOf(path), JSON.stringify(measure(path)))
}

/** Whether it is there, and if so, whether it fits. */
export function checkSeal(path: string): 'intact' | 'broken' | 'none' {
  const text = readIfThere(sealOf(path))
  if (text === null) return 'none'
  return text === JSON.stringify(measure(path)) ? 'intact' : 'broken'
}

/** Before anything changes. */
export function removeSeal(path: string): void {
  rmSync(sealOf(path), { force: true })
}

function measure(path: string): Seal | null {
  try {
    const sizeBytes = statSync(path).size
    return { sizeBytes, hash: sizeBytes > hashedSizeBytesMax ? null : hashFile(path) }
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return null
    throw thrown
  }
}

function hashFile(path: string): string {
  const file = openSync(path, 'r')
  try {
    const chunk = new Uint8Array(chunkSizeBytes)
    let hash = 0n
    for (;;) {
      const sizeBytes = readSync(file, chunk)
      if (sizeBytes === 0) return hash.toString(16)
      hash = Bun.hash.xxHash3(chunk.subarray(0, sizeBytes), hash)
    }
  } finally {
    closeSync(file)
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return null
    throw thrown
  }
}
