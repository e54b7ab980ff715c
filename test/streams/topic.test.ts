import { expect, test } from 'bun:test'
import { namedTopic } from '../../src/streams/topic.ts'

test('a topic of an app may have any name that the broker takes', () => {
  expect(namedTopic('t'.repeat(249)).name.length).toBe(249)
  expect(() => namedTopic('t'.repeat(250))).toThrow('is not a topic name')
})
