import { afterAll, beforeAll, expect, test } from 'bun:test'
import { BrokerError } from '#base'
import { Client } from '../../src/cli/client.ts'
import { exitCodeFor } from '../../src/cli/exit-codes.ts'
import { NodeFailure } from '../../src/cli/node-failure.ts'
import { Interrupted } from '../../src/cli/terminal.ts'
import { FakeNode, problem } from './fake-node.ts'

let node: FakeNode
beforeAll(() => {
  node = new FakeNode()
})
afterAll(() => node.stop())

const clientOf = (options: { url?: string; token?: string; timeoutMs?: number; signal?: AbortSignal } = {}) =>
  new Client({ url: node.url, timeoutMs: 10_000, signal: new AbortController().signal, ...options })

async function failure(action: Promise<unknown>): Promise<Error> {
  try {
    await action
  } catch (thrown) {
    if (thrown instanceof Error) return thrown
  }
  throw new Error('it did not fail')
}

test('the token goes with every request, and nothing else by default', async () => {
  node.override = (seen) => Response.json({ authorization: seen.headers.get('authorization') })
  expect(await clientOf({ token: 'secret' }).ask<object>('/x')).toEqual({ authorization: 'Bearer secret' })
  expect(await clientOf().ask<object>('/x')).toEqual({ authorization: null })
})

test("a problem is the node's own failure, word for word", async () => {
  node.override = () => problem(404, 'not_found', 'topic "a" does not exist', 'pspf topic create a')
  const error = await failure(clientOf().ask('/x'))
  expect(error).toBeInstanceOf(BrokerError)
  expect(error).toMatchObject({
    code: 'not_found',
    message: 'topic "a" does not exist',
    fix: 'pspf topic create a',
  })
})

test.each([
  [400, 7],
  [401, 5],
  [403, 5],
  [404, 3],
  [409, 4],
  [413, 7],
  [500, 1],
  [502, 1],
  [503, 6],
])('status %d without a problem object ends with %d', async (status, exitCode) => {
  node.override = () => new Response('<html>', { status })
  const error = await failure(clientOf().ask('/x'))
  expect(exitCodeFor(error)).toBe(exitCode)
  expect(error.message).toContain(String(status))
})

test('a code that is not ours counts by its status', async () => {
  node.override = () => problem(500, 'internal', 'the server met a bug')
  expect(await failure(clientOf().ask('/x'))).toBeInstanceOf(NodeFailure)
  node.override = () => problem(404, 'brand_new', 'gone')
  expect(await failure(clientOf().ask('/x'))).toMatchObject({ code: 'not_found', message: 'gone' })
})

test('an answer that is not JSON is not a pspf node', async () => {
  node.override = () => new Response('<html>hello</html>')
  expect((await failure(clientOf().ask('/x'))).message).toContain('not JSON')
})

test('nobody at the address is said with how to start somebody', async () => {
  const error = await failure(clientOf({ url: 'http://127.0.0.1:9' }).ask('/x'))
  expect(error).toMatchObject({ code: 'unreachable' })
  expect((error as BrokerError).fix).toContain('pspf serve')
  expect(exitCodeFor(error)).toBe(6)
})

test('a node that does not answer in time is a time-out, Ctrl-C is not', async () => {
  node.override = () => new Promise(() => undefined)
  expect(await failure(clientOf({ timeoutMs: 1 }).ask('/x'))).toMatchObject({ code: 'timeout' })
  const interrupt = new AbortController()
  const asked = failure(clientOf({ signal: interrupt.signal }).ask('/x'))
  interrupt.abort(new Interrupted('SIGINT'))
  expect(exitCodeFor(await asked)).toBe(130)
})

test('a write that must come to its end is not cut by Ctrl-C', async () => {
  const interrupt = new AbortController()
  node.override = () => {
    interrupt.abort(new Interrupted('SIGINT'))
    return Response.json({ count: 1 })
  }
  const answer = await clientOf({ signal: interrupt.signal }).ask<object>('/x', {
    method: 'POST',
    json: {},
    toItsEnd: true,
  })
  expect(answer).toEqual({ count: 1 })
})

test.each(['here', 'ftp://x', 'http://', '127.0.0.1:7070', 'http://a b'])('"%s" is no address', (url) => {
  expect(() => clientOf({ url })).toThrow('is not the address of a node')
})
