// What the log was at each moment, in files of lines: a line is what one checkpoint adds.
//
//   history/<10-digit number>.lines
//   <crc32 of what follows, 8 hex digits> {"partitions": [[topic id, partition, topic], ...], "moments": [...]}\n
//
//   moment: [append time, frame, [partition, end, ...], [partition, start, ...], [partition, ...], whole]
//   the partitions that changed since the moment before, each by its place in `partitions` of its line: where they ended,
//   where they began if that changed, and those that are gone. `whole` 1: these are all there were, and nothing of before counts.
//
// Invariants:
//   1. A moment is the state between two frames: all up to `frame` are in it, and no other. A frame, and so a commit, is
//      never in it by halves.
//   2. Append times and frames rise from moment to moment. No frame behind a moment was appended earlier than it.
//   3. The first moment of a file is whole, so that any older file may go.
//   4. A checkpoint says how far the newest file counts; what lies behind is of a crash. Frames behind that checkpoint
//      give the moments that follow.
import { crc32, type Disk } from '#base'
import type { PartitionId } from '../api.ts'

/** How far the files count: the newest of them, and of that so many bytes. */
export type HistoryEnd = { readonly number: number; readonly sizeBytes: number }

export type StoredMoment = readonly [
  appendTime: number,
  frame: number,
  ends: readonly number[],
  starts?: readonly number[],
  gone?: readonly number[],
  whole?: 1,
]

export type HistoryLine = {
  readonly partitions: readonly (readonly [topicId: string, partition: number, topic: string])[]
  readonly moments: readonly StoredMoment[]
}

const namePattern = /^(\d{10})\.lines$/
const encoder = new TextEncoder()

export const historyDirectory = (directory: string) => `${directory}/history`

/** In a data directory: `historyPath(3) -> 'history/0000000003.lines'`. */
export const historyPath = (number: number) => `history/${String(number).padStart(10, '0')}.lines`

/** Numbers of the files there are, rising. */
export function historyNumbers(disk: Disk, directory: string): number[] {
  return disk.list(historyDirectory(directory)).flatMap((name) => {
    const match = namePattern.exec(name)
    return match ? [Number(match[1])] : []
  })
}

/** `moments` are encoded already, with commas between them. */
export function encodeHistoryLine(partitions: HistoryLine['partitions'], moments: string): Uint8Array {
  const body = `{"partitions":${JSON.stringify(partitions)},"moments":[${moments}]}`
  return encoder.encode(`${hexOf(crc32(encoder.encode(body)))} ${body}\n`)
}

/** Lines from the start, up to the first that is damaged or cut; `whole` says that there is no such line. */
export function decodeHistory(bytes: Uint8Array): { lines: HistoryLine[]; whole: boolean } {
  const lines: HistoryLine[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(newline, at)
    const line = end < 0 ? null : decodeLine(bytes.subarray(at, end))
    if (line === null) return { lines, whole: false }
    lines.push(line)
    at = end + 1
  }
  return { lines, whole: true }
}

const newline = 10
const checksumLength = 8

function decodeLine(line: Uint8Array): HistoryLine | null {
  const body = line.subarray(checksumLength + 1)
  const decoder = new TextDecoder()
  if (decoder.decode(line.subarray(0, checksumLength + 1)) !== `${hexOf(crc32(body))} `) return null
  return JSON.parse(decoder.decode(body)) as HistoryLine
}

function hexOf(checksum: number): string {
  return checksum.toString(16).padStart(checksumLength, '0')
}

export function partitionKey({ topicId, partition }: PartitionId): string {
  return `${topicId}-${partition}`
}

/** 0 if there is none. */
export function fileSize(disk: Disk, path: string): number {
  if (!disk.exists(path)) return 0
  const file = disk.open(path, 'read')
  try {
    return file.size()
  } finally {
    file.close()
  }
}
