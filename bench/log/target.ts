// What the load appends to, whoever it is: inside this process or at the other end of a socket.

export type Target = {
  /** Resolves when the subject says that it has it; rejects when it refuses. */
  append(partition: number): Promise<unknown>
  close(): void | Promise<void>
}

/** Text that does not compress to nothing and is valid in JSON. */
export function letters(length: number): string {
  const line = Array.from({ length: 997 }, (_, n) => String.fromCharCode(97 + ((n * n * 7 + n) % 26))).join(
    '',
  )
  return line.repeat(Math.ceil(length / line.length)).slice(0, length)
}

/**
 * Group commit for subjects that have none: what is asked while a commit is under way goes out with the next one.
 * `commit` gets the partitions of the appends that it shall make durable.
 */
export function groupedByHand(countMax: number, commit: (partitions: readonly number[]) => void): Target {
  let queue: { partition: number; resolve: () => void; reject: (error: unknown) => void }[] = []
  let running = false
  const run = async () => {
    running = true
    while (queue.length > 0) {
      const group = queue.slice(0, countMax)
      queue = queue.slice(countMax)
      try {
        commit(group.map(({ partition }) => partition))
        for (const { resolve } of group) resolve()
      } catch (thrown) {
        for (const { reject } of group) reject(thrown)
      }
      // Lanes that were answered append again, and timers fire.
      await new Promise((resolve) => setImmediate(resolve))
    }
    running = false
  }
  return {
    append: (partition) =>
      new Promise<void>((resolve, reject) => {
        queue.push({ partition, resolve, reject })
        if (!running) run().catch(reject)
      }),
    close: () => undefined,
  }
}
