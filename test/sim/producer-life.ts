// Idempotent producers under faults: they number their batches, keep up to five of a partition under way, and send what
// was not acknowledged again, in order, after every refusal and every crash. In the end each record must be there exactly
// once, in order, at the offset that was acknowledged (I6).
import { asOffset, BrokerError } from '#base'
import type { LogEntry, LogLimits, PartitionId } from '#log'
import { BatchBuilder, readRecords } from '#record'
import { LogMachine } from './log-machine.ts'
import { settled } from './simulated-clock.ts'
import { Crash, type Fault } from './simulated-disk.ts'

const inFlightMax = 5
const sequencesCount = 2 ** 31
const keeps = [0, 0, 0.2, 0.5, 0.9, 1]
const faults: Fault[] = ['crash-before', 'crash-within', 'crash-after', 'EIO', 'ENOSPC']

type Sent = {
  readonly entry: LogEntry
  readonly values: readonly string[]
  /** null until acknowledged. */
  offset: number | null
}

/** One producer's batches for one partition. */
type Stream = {
  readonly id: PartitionId
  readonly producerId: number
  epoch: number
  nextSequence: number
  readonly sent: Sent[]
  inFlight: number
  /** Something was refused: what is under way is waited for, then all that is not acknowledged is sent again. */
  stalled: boolean
}

export class ProducerScenario {
  readonly machine: LogMachine
  readonly #streams: Stream[] = []
  readonly #ids: PartitionId[] = []
  /** Appends that a life before the last crash made are answered to nobody. */
  #life = 0
  #trimming = 0
  #values = 0

  constructor(seed: number, limits: Partial<LogLimits> = {}) {
    this.machine = new LogMachine(seed, limits)
    const { random } = this.machine
    for (let partition = 0; partition < 2; partition++) this.#ids.push({ topicId: random.id(), partition })
    for (let producerId = 0; producerId < 3; producerId++) {
      for (const id of this.#ids) {
        const nextSequence = random.below(2) === 0 ? 0 : sequencesCount - 1 - random.below(20)
        this.#streams.push({
          id,
          producerId,
          epoch: 0,
          nextSequence,
          sent: [],
          inFlight: 0,
          stalled: false,
        })
      }
    }
  }

  async open(): Promise<void> {
    this.#life++
    this.#trimming = 0
    for (const stream of this.#streams) {
      stream.inFlight = 0
      stream.stalled = true
    }
    const log = await this.machine.open()
    if (log.state !== 'open') throw new Error(`wrongly refused: ${log.failure?.message}`)
    const missing = this.#ids.filter((id) => log.partition(id) === undefined)
    if (missing.length === 0) return
    await this.machine.run(
      log.append(missing.map((id) => ({ kind: 'create', id, topic: `topic-${id.partition}` }))),
    )
  }

  /** Lets producers send so many batches, and time pass. */
  async work(count: number): Promise<void> {
    const { disk, random, clock } = this.machine
    for (let turn = 0; turn < count && !disk.crashed; turn++) {
      const stream = this.#streams[random.below(this.#streams.length)]!
      if (stream.stalled) this.#sendAgain(stream)
      else if (stream.inFlight < inFlightMax) this.#send(stream, this.#fresh(stream))
      if (random.below(60) === 0) this.#trim(stream)
      const steps = random.below(3) === 0 ? random.below(6) : 0
      for (let step = 0; step < steps && !disk.crashed; step++) await clock.step()
    }
  }

  /** Until everything sent is acknowledged. */
  async settle(): Promise<void> {
    const { disk, clock, log } = this.machine
    for (let turn = 0; turn < 5_000; turn++) {
      if (disk.crashed) throw new Crash('the machine stopped')
      if (log?.state !== 'open') throw new Error(`the log stopped: ${log?.failure?.message}`)
      const open = this.#streams.filter(({ sent }) => sent.some(({ offset }) => offset === null))
      if (open.length === 0 && this.#trimming === 0) return
      for (const stream of open) if (stream.stalled) this.#sendAgain(stream)
      await clock.step()
    }
    throw new Error('I6 is broken: a retry is never acknowledged')
  }

  /** Every acknowledged record once, in order, where it was said to be; nothing that nobody sent. */
  async check(): Promise<void> {
    for (const id of this.#ids) {
      const found = await this.#read(id)
      const streams = this.#streams.filter((stream) => stream.id === id)
      let known = 0
      for (const { producerId, sent } of streams) {
        for (const { values, offset } of sent) {
          if (offset === null) continue
          values.forEach((value, index) => {
            const at = offset + index
            if (at < found.start) return
            known++
            if (found.values.get(at) !== value)
              throw new Error(
                `I6 is broken: "${value}" of ${producerId} is not at ${at}, but "${found.values.get(at)}"`,
              )
          })
        }
      }
      if (known !== found.values.size)
        throw new Error(`I6 is broken: ${found.values.size} records where ${known} were sent`)
    }
  }

  /** Every third time a producer that has nothing open takes a new epoch. */
  maybeBumpEpochs(): void {
    for (const stream of this.#streams) {
      if (this.machine.random.below(3) > 0 || stream.sent.some(({ offset }) => offset === null)) continue
      stream.epoch++
      stream.nextSequence = 0
    }
  }

  #fresh(stream: Stream): Sent {
    const { random, clock } = this.machine
    const { id, producerId, epoch, nextSequence } = stream
    const builder = new BatchBuilder({ producer: { id: producerId, epoch, baseSequence: nextSequence } })
    const values: string[] = []
    for (let count = 1 + random.below(4); count > 0; count--) {
      const value = `${this.#values++}:${'x'.repeat(random.below(60))}`
      values.push(value)
      builder.append({ key: null, value: new TextEncoder().encode(value), timestamp: clock.now() })
    }
    stream.nextSequence = (nextSequence + values.length) % sequencesCount
    const sent: Sent = { entry: { kind: 'batch', id, batch: builder.build() }, values, offset: null }
    stream.sent.push(sent)
    return sent
  }

  #sendAgain(stream: Stream): void {
    if (stream.inFlight > 0) return
    stream.stalled = false
    const open = stream.sent.filter(({ offset }) => offset === null)
    if (open.length > inFlightMax) throw new Error('a producer keeps its window')
    if (open.length === 0) return
    // A retry may travel in other company than the first time.
    if (this.machine.random.below(2) === 0) this.#sendTogether(stream, open)
    else for (const sent of open) this.#send(stream, sent)
  }

  #send(stream: Stream, sent: Sent): void {
    this.#sendTogether(stream, [sent])
  }

  #sendTogether(stream: Stream, batches: readonly Sent[]): void {
    const { log } = this.machine
    if (!log) return
    const life = this.#life
    stream.inFlight += batches.length
    log.append(batches.map(({ entry }) => entry)).then(
      ({ offsets }) => {
        if (life !== this.#life) return
        stream.inFlight -= batches.length
        batches.forEach((sent, index) => {
          if (sent.offset !== null && sent.offset !== offsets[index]) throw new Error('acknowledged twice')
          sent.offset = offsets[index]!
        })
      },
      (thrown) => {
        if (life !== this.#life) return
        stream.inFlight -= batches.length
        stream.stalled = true
        const curable = ['disk_full', 'busy', 'out_of_order_sequence', 'disk_failed', 'closed']
        if (!(thrown instanceof BrokerError) || !curable.includes(thrown.code)) throw thrown
      },
    )
  }

  #trim({ id, sent }: Stream): void {
    const before = sent.findLast(({ offset }) => offset !== null)?.offset
    const { log } = this.machine
    if (before === undefined || before === null || !log) return
    const life = this.#life
    this.#trimming++
    const settled = () => {
      if (life === this.#life) this.#trimming--
    }
    log.append([{ kind: 'trim', id, before: asOffset(before) }]).then(settled, settled)
  }

  async #read(id: PartitionId): Promise<{ start: number; values: Map<number, string> }> {
    const partition = this.machine.log!.partition(id)!
    const values = new Map<number, string>()
    for (let next: number = partition.startOffset; next < partition.endOffset; ) {
      const bytes = await this.machine.run(partition.read(asOffset(next), 2000))
      for (const record of readRecords(bytes, next)) {
        values.set(record.offset, new TextDecoder().decode(record.value!))
        next = record.offset + 1
      }
    }
    return { start: partition.startOffset, values }
  }
}

/** One life told by a seed. Throws at the first broken promise. */
export async function liveAsProducers(seed: number, limits: Partial<LogLimits> = {}): Promise<void> {
  const scenario = new ProducerScenario(seed, limits)
  const { machine } = scenario
  const { random } = machine
  for (let life = 0; life < 4; life++) {
    await getUp(scenario)
    if (random.below(3) > 0) {
      const call = machine.disk.calls + 1 + random.below(120)
      const fault = faults[random.below(faults.length)]!
      machine.disk.plan = { call, fault, lasting: random.below(4) === 0 }
    }
    await scenario.work(random.below(100))
    machine.disk.plan = null
    // A fault of the last call is heard of now.
    await settled()
    if (random.below(3) === 0 && machine.log?.state === 'open' && !machine.disk.crashed) {
      await scenario.settle()
      await scenario.check()
      scenario.maybeBumpEpochs()
    }
    if (random.below(4) === 0) await machine.close()
    if (random.below(4) === 0) machine.kill()
    else machine.powerCut(keeps[random.below(keeps.length)]!)
  }
  await proveExactlyOnce(scenario)
}

/** With no fault any more all is acknowledged, and a restart changes nothing. */
export async function proveExactlyOnce(scenario: ProducerScenario): Promise<void> {
  scenario.machine.disk.plan = null
  await scenario.open()
  await scenario.settle()
  await scenario.work(20)
  await scenario.settle()
  await scenario.check()
  scenario.machine.powerCut(0)
  await scenario.open()
  await scenario.check()
}

/** Opens; now and then the power goes while it does. */
async function getUp(scenario: ProducerScenario): Promise<void> {
  const { machine } = scenario
  const { random } = machine
  for (let fall = 0; fall < 2 && random.below(3) === 0; fall++) {
    machine.disk.plan = { call: machine.disk.calls + 1 + random.below(40), fault: 'crash-within' }
    try {
      await scenario.open()
      machine.disk.plan = null
      // What a start leaves to do may have met the plan already.
      if (!machine.disk.crashed) return
    } catch (thrown) {
      if (!(thrown instanceof Crash)) throw thrown
    }
    machine.powerCut(keeps[random.below(keeps.length)]!)
  }
  machine.disk.plan = null
  await scenario.open()
}
