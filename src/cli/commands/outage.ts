// A node that goes away while somebody follows it, as it does when it restarts: asked again for a while, then given up.
import { BrokerError, sleep } from '#base'
import type { Session } from '../session.ts'

/** All waits of one outage together, so that a node that never returns ends the command. */
export const outageMsMax = 30_000
const firstWaitMs = 250
const waitMsMax = 4_000

const isAway = (thrown: unknown) =>
  thrown instanceof BrokerError && (thrown.code === 'unreachable' || thrown.code === 'closed')

/** One for all partitions: they ask the same node, so its going is said once, and its return too. */
export class Outage {
  readonly #session: Session
  #said = false

  constructor(session: Session) {
    this.#session = session
  }

  /** Runs `question` until the node answers it. A question must be one that may be asked twice. */
  async survive<Answer>(question: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    const { terminal } = this.#session
    let waitMs = firstWaitMs
    let waitedMs = 0
    for (;;) {
      try {
        const answer = await question()
        this.#say(false)
        return answer
      } catch (thrown) {
        if (!isAway(thrown) || waitedMs >= outageMsMax) throw thrown
        this.#say(true)
      }
      await sleep(terminal.clock, waitMs, AbortSignal.any([signal, terminal.interrupted]))
      terminal.interrupted.throwIfAborted()
      signal.throwIfAborted()
      waitedMs += waitMs
      waitMs = Math.min(waitMs * 2, waitMsMax, Math.max(1, outageMsMax - waitedMs))
    }
  }

  #say(away: boolean): void {
    if (this.#said === away) return
    this.#said = away
    this.#session.note(
      away
        ? `the node went away; asking again for up to ${outageMsMax / 1000} s`
        : 'the node is back; going on where it stopped',
    )
  }
}
