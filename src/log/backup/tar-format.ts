// The part of the tar format (POSIX ustar and pax) that a backup needs: plain files, long names, sizes below 8 GB.
//
//   header, 512 bytes:  0 name 100 · 100 mode 8 · 108 uid 8 · 116 gid 8 · 124 size 12 · 136 mtime 12 · 148 checksum 8 ·
//                       156 type 1 · 257 "ustar\0" · 263 "00" · 345 prefix 155. Numbers are octal text.
//   then the bytes, filled up with zeroes to a multiple of 512. Two blocks of zeroes end the archive.
//   A path that fits neither name nor prefix/name stands in an entry of type x before it: "<length> path=<path>\n".

export const tarBlockBytes = 512

const nameLengthMax = 100
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export type TarEntry = {
  readonly path: string
  readonly sizeBytes: number
  readonly kind: 'file' | 'path' | 'other'
}

/** Zeroes that follow so many bytes. */
export function tarPaddingBytes(sizeBytes: number): number {
  return (tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes
}

/** Everything that stands before the bytes of a file. */
export function encodeTarHeader(path: string, sizeBytes: number, modifiedMs: number): Uint8Array {
  const seconds = Math.floor(modifiedMs / 1000)
  if (encoder.encode(path).length <= nameLengthMax) return header({ path, sizeBytes, seconds, type: '0' })
  const record = encoder.encode(paxRecord('path', path))
  const extended = header({ path: 'pax/path', sizeBytes: record.length, seconds, type: 'x' })
  const short = path.slice(-nameLengthMax)
  const file = header({ path: short, sizeBytes, seconds, type: '0' })
  return Buffer.concat([extended, record, new Uint8Array(tarPaddingBytes(record.length)), file])
}

/** null: the block is no header, or a damaged one. */
export function decodeTarHeader(block: Uint8Array): TarEntry | null {
  const sizeBytes = Number.parseInt(textAt(block, 124, 12), 8)
  const checksum = Number.parseInt(textAt(block, 148, 8), 8)
  if (checksum !== checksumOf(block) || !(sizeBytes >= 0)) return null
  const prefix = textAt(block, 345, 155)
  const name = textAt(block, 0, nameLengthMax)
  const type = textAt(block, 156, 1)
  const kind = type === 'x' ? 'path' : type === '0' || type === '' ? 'file' : 'other'
  return { path: prefix === '' ? name : `${prefix}/${name}`, sizeBytes, kind }
}

/** The path in an entry of kind `path`, or null. */
export function decodeTarPath(bytes: Uint8Array): string | null {
  for (const line of decoder.decode(bytes).split('\n')) {
    const path = /^\d+ path=(.*)$/s.exec(line)?.[1]
    if (path !== undefined) return path
  }
  return null
}

type HeaderFields = { path: string; sizeBytes: number; seconds: number; type: string }

function header({ path, sizeBytes, seconds, type }: HeaderFields): Uint8Array {
  const block = new Uint8Array(tarBlockBytes)
  const put = (text: string, at: number) => encoder.encodeInto(text, block.subarray(at))
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  put(path, 0)
  put(octal(0o600, 7), 100)
  put(octal(0, 7), 108)
  put(octal(0, 7), 116)
  put(octal(sizeBytes, 11), 124)
  put(octal(seconds, 11), 136)
  put(type, 156)
  put('ustar\x0000', 257)
  put(octal(checksumOf(block), 6), 148)
  block[155] = 0x20
  return block
}

/** The sum of all bytes, those of the checksum itself taken as spaces. */
function checksumOf(block: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < tarBlockBytes; at++) sum += at >= 148 && at < 156 ? 0x20 : block[at]!
  return sum
}

/** Its length counts the length's own digits. */
function paxRecord(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).length
  let length = rest + String(rest).length
  if (String(length).length > String(rest).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

function textAt(block: Uint8Array, at: number, length: number): string {
  const text = decoder.decode(block.subarray(at, at + length))
  const end = text.indexOf('\0')
  return (end < 0 ? text : text.slice(0, end)).trim()
}
