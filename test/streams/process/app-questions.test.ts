import { expect, test } from 'bun:test'
import { BrokerError } from '#base'
import { AppQuestions } from '../../../src/streams/process/app-questions.ts'
import { errorToMessage } from '../../../src/streams/process/failure.ts'
import type { ToChild } from '../../../src/streams/process/message.ts'
import { tableLimits } from '../../../src/streams/tables/limits.ts'
import { VirtualClock } from '../../../src/streams/testing/virtual-clock.ts'

function setUp() {
  const clock = new VirtualClock(0)
  const sent: Extract<ToChild, { t: 'ask' }>[] = []
  const questions = new AppQuestions(clock, () => 'shop')
  const ask = (withinMs = 100) =>
    questions.ask((message) => void sent.push(message as (typeof sent)[0]), { t: 'tables' }, withinMs)
  return { clock, sent, questions, ask }
}
const answer = { tables: [] }

test('each answer reaches the one that asked', async () => {
  const { sent, questions, ask } = setUp()
  const [first, second] = [ask(), ask()]
  questions.receive({ t: 'told', id: sent[1]!.id, answer })
  questions.receive({ t: 'untold', id: sent[0]!.id, error: errorToMessage(new BrokerError('busy', 'later')) })
  expect(await second).toEqual(answer)
  await expect(first).rejects.toMatchObject({ code: 'busy', message: 'later' })
})

test('a question ends at its deadline, and an answer that comes later is nobody’s', async () => {
  const { clock, sent, questions, ask } = setUp()
  const asked = ask(100)
  clock.moveTo(99)
  clock.moveTo(100)
  await expect(asked).rejects.toMatchObject({ code: 'timeout' })
  questions.receive({ t: 'told', id: sent[0]!.id, answer })
})

test('with the process all questions end', async () => {
  const { questions, ask } = setUp()
  const asked = ask()
  questions.drop()
  await expect(asked).rejects.toMatchObject({ code: 'unreachable' })
})

test('no more than so many wait, and one that ended makes room', async () => {
  const { sent, questions, ask } = setUp()
  const asked = Array.from({ length: tableLimits.questionsMax }, () => ask())
  expect(() => ask()).toThrow('questions wait for an answer')
  questions.receive({ t: 'told', id: sent[0]!.id, answer })
  await asked[0]
  const next = ask()
  questions.drop()
  await expect(Promise.allSettled([...asked.slice(1), next])).resolves.toHaveLength(tableLimits.questionsMax)
})
