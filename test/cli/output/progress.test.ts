import { expect, test } from 'bun:test'
import type { Clock } from '#base'
import { Progress } from '../../../src/cli/output/progress.ts'
import { Session } from '../../../src/cli/session.ts'
import { FakeTerminal } from '../fake-terminal.ts'

class Steps implements Clock {
  at = 0
  readonly #timers: { at: number; action: () => void }[] = []
  now = () => this.at
  monotonic = () => this.at
  after(delayMs: number, action: () => void) {
    const timer = { at: this.at + delayMs, action }
    this.#timers.push(timer)
    return { cancel: () => void this.#timers.splice(this.#timers.indexOf(timer), 1) }
  }
  pass(millis: number): void {
    const end = this.at + millis
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers.splice(this.#timers.indexOf(due), 1)
      this.at = due.at
      due.action()
    }
    this.at = end
  }
}

function started(isTerminal: boolean, flags: ReadonlyMap<string, readonly string[]> = new Map()) {
  const terminal = new FakeTerminal({ isTerminal })
  const clock = new Steps()
  Object.assign(terminal, { clock })
  return { terminal, clock, progress: new Progress(new Session(terminal, flags), 'records') }
}

test('on a terminal one line is redrawn, and a summary stays', () => {
  const { terminal, clock, progress } = started(true)
  progress.set(50)
  clock.pass(1000)
  expect(terminal.stderr.split('\r\u001b[K')).toHaveLength(6)
  progress.end()
  expect(terminal.stderr).toEndWith('\r\u001b[K50 records in 1s (50/s)\n')
  const before = terminal.stderr
  clock.pass(10_000)
  expect(terminal.stderr).toBe(before)
  expect(terminal.stdout).toBe('')
})

test('elsewhere a plain line comes each 5 s, and nothing for what is quick', () => {
  const { terminal, clock, progress } = started(false)
  progress.set(10)
  clock.pass(4_999)
  expect(terminal.stderr).toBe('')
  clock.pass(1)
  expect(terminal.stderr).toBe('10 records in 5s (2.0/s)\n')
  progress.end()
  expect(terminal.stderr).toBe('10 records in 5s (2.0/s)\n')
})

test('--quiet says nothing', () => {
  const { terminal, clock, progress } = started(true, new Map([['quiet', []]]))
  clock.pass(60_000)
  progress.end()
  expect(terminal.stderr).toBe('')
})
