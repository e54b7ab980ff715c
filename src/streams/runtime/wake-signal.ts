// Wakes one waiter, and never forgets a call that came before anybody waited.

export class WakeSignal {
  #woken = false
  #resolve: (() => void) | null = null

  readonly wake = (): void => {
    this.#woken = true
    this.#resolve?.()
    this.#resolve = null
  }

  async wait(): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
      })
    }
    this.#woken = false
  }
}
