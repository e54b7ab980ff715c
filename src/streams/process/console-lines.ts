// What an app prints, as lines for the node's log: bounded in length and in number, since user code may print for ever.
import type { Clock } from '#base'

const lineLengthMax = 4_096
const linesPerSecondMax = 200

/** Calls `take` for each line until the stream ends. Lines above the limits are cut, or left out and counted. */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  clock: Clock,
  take: (line: string) => void,
): Promise<void> {
  const limited = limitRate(clock, take)
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop()!.slice(0, lineLengthMax)
    for (const line of lines) limited.take(line)
  }
  if (rest !== '') limited.take(rest)
  limited.flush()
}

function limitRate(clock: Clock, take: (line: string) => void) {
  let second = -1
  let taken = 0
  let leftOut = 0
  const flush = () => {
    if (leftOut > 0) take(`(${leftOut} more lines were left out)`)
    leftOut = 0
  }
  return {
    flush,
    take(line: string) {
      const now = Math.floor(clock.monotonic() / 1_000)
      if (now !== second) {
        flush()
        second = now
        taken = 0
      }
      const text = line.trimEnd()
      if (text === '') return
      if (++taken > linesPerSecondMax) leftOut++
      else take(text.slice(0, lineLengthMax))
    },
  }
}
