// What a log may answer after damage to what is stored: what was acknowledged, byte for byte, or a refusal by name. Never
// other bytes, never silence.
import { asOffset, BrokerError } from '#base'
import type { LogGroup, Partition } from '#log'
import { readRecords } from '#record'
import { broken, keyOf, type LogModel } from './log-model.ts'

type Answered = {
  readonly partition: Partition
  readonly values: Map<number, string>
  /** Offsets that were refused as `corrupt`. */
  readonly refused: Set<number>
}

/** Throws at the first wrong answer. Says how many acknowledged records are refused. */
export async function checkDamaged(model: LogModel, log: LogGroup): Promise<number> {
  const answers = new Map<string, Answered>()
  for (const partition of log.partitions()) {
    const key = keyOf(partition.id)
    if (partition.startOffset > model.mayBeTrimmedTo(key))
      broken('I3', `${key} starts at ${partition.startOffset}, which nobody asked for`)
    answers.set(key, await readWhatCan(model, partition))
  }
  const isQuarantined = ({ topic, id }: Partition) =>
    log.report.quarantined.some((one) => one.topic === topic && one.partition === id.partition)
  let refused = 0
  for (const [{ key, offset }, value] of model.promised()) {
    const answer = answers.get(key)
    // A log that refuses to go on says that what follows is missing.
    const isShort =
      log.state === 'failed' && log.failure instanceof BrokerError && log.failure.code === 'corrupt'
    if (answer === undefined) {
      if (isShort) refused++
      else if (!model.mayBeDeleted(key)) broken('I1', `partition ${key} is gone`)
      continue
    }
    const { partition, values } = answer
    const found = values.get(offset)
    if (found === value || offset < partition.startOffset) continue
    if (found !== undefined) broken('I1', `${key}@${offset} was acknowledged as "${value}" and is "${found}"`)
    const isBeyond = offset >= partition.endOffset && (isShort || isQuarantined(partition))
    if (!isBeyond && !answer.refused.has(offset))
      broken('I1', `${key}@${offset} "${value}" is lost without a word`)
    refused++
  }
  return refused
}

async function readWhatCan(model: LogModel, partition: Partition): Promise<Answered> {
  const values = new Map<number, string>()
  const refused = new Set<number>()
  const key = keyOf(partition.id)
  for (let next: number = partition.startOffset; next < partition.endOffset; ) {
    const read = await readFrom(partition, next)
    if (read === null) {
      refused.add(next++)
      continue
    }
    const from = next
    for (const [offset, value] of read) {
      if (offset >= partition.endOffset) break
      if (offset !== next) broken('I3', `${key} has a gap: ${next} is followed by ${offset}`)
      const before = model.seenAt({ key, offset })
      if (before !== undefined && before !== value)
        broken('I2', `${key}@${offset} was "${before}" and is "${value}"`)
      values.set(next++, value)
    }
    if (next === from) broken('I3', `${key} has nothing at ${from}, below its end ${partition.endOffset}`)
  }
  return { partition, values, refused }
}

/** What is answered from there, one batch at least; null when it is refused as damaged. */
async function readFrom(partition: Partition, from: number): Promise<[number, string][] | null> {
  try {
    const found: [number, string][] = []
    for (const { offset, value } of readRecords(await partition.read(asOffset(from), 1), from))
      found.push([offset, new TextDecoder().decode(value ?? new Uint8Array(0)).split(':')[0]!])
    if (found.length === 0) broken('I3', `nothing at ${from}, below the end ${partition.endOffset}`)
    return found
  } catch (thrown) {
    if (thrown instanceof BrokerError && thrown.code === 'corrupt') return null
    throw thrown
  }
}
