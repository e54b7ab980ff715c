import { expect, test } from 'bun:test'
import { appsTopic, PausedApps } from '../../../src/streams/process/paused-apps.ts'
import { memoryBroker, readAll } from '../../broker/fixture.ts'

test('nothing is written until somebody pauses an app', async () => {
  const { broker } = await memoryBroker()
  const paused = new PausedApps(broker)
  expect(await paused.has('shop')).toBe(false)
  await paused.set('shop', false)
  expect(broker.topics().some((topic) => topic.name === appsTopic)).toBe(false)
})

test('a paused app is paused after a restart, a resumed one is not', async () => {
  const fixture = await memoryBroker()
  const before = new PausedApps(fixture.broker)
  await before.set('shop', true)
  await before.set('host', true)
  await before.set('host', false)
  await fixture.restart()
  const after = new PausedApps(fixture.broker)
  expect([await after.has('shop'), await after.has('host')]).toEqual([true, false])
})

test('saying it again writes nothing', async () => {
  const { broker } = await memoryBroker()
  const paused = new PausedApps(broker)
  for (let round = 0; round < 3; round++) await paused.set('shop', true)
  expect(await readAll(broker, appsTopic)).toMatchObject([{ key: 'shop', value: '{"paused":true}' }])
})
