// The node's side of an app's log port: runs the calls that arrive from a child, and bounds how many at a time.
import { BrokerError } from '#base'
import type { LogPort } from '../api.ts'
import { errorToMessage } from './failure.ts'
import { type FromChild, type PortMethod, type ToChild, unpacked } from './message.ts'

/** More than a well-behaved child ever sends (see ipc-port.ts). */
export const callsInFlightMax = 512

const methods: ReadonlySet<unknown> = new Set<PortMethod>([
  'ensureTopics',
  'findTopics',
  'fetchSlice',
  'committed',
  'fence',
  'commit',
])

/** Answers calls by sending messages; never throws, whatever a call holds. */
export function portServer(port: LogPort, send: (message: ToChild) => void) {
  let inFlight = 0
  return async (call: Extract<FromChild, { t: 'call' }>): Promise<void> => {
    const { id } = call
    inFlight++
    try {
      if (inFlight > callsInFlightMax) throw new BrokerError('busy', 'the app has too many calls in flight')
      send({ t: 'answer', id, value: await run(port, call) })
    } catch (error) {
      send({ t: 'refusal', id, error: errorToMessage(error) })
    } finally {
      inFlight--
    }
  }
}

function run(port: LogPort, { method, args }: Extract<FromChild, { t: 'call' }>): Promise<unknown> {
  if (!methods.has(method) || !Array.isArray(args)) {
    throw new BrokerError('invalid_request', `an app cannot call ${JSON.stringify(method)}`)
  }
  if (method === 'commit') unpackBatches(args[0])
  return (port[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args)
}

/** In place: the message is ours alone. User code may have sent anything, and the broker says what is wrong with it. */
function unpackBatches(commit: unknown): void {
  const batches = (commit as { batches?: unknown } | null)?.batches
  if (!Array.isArray(batches)) return
  for (const entry of batches as { batch?: unknown }[]) {
    if (typeof entry === 'object' && entry !== null) entry.batch = unpacked(entry.batch)
  }
}
