import { describe, expect, test } from 'bun:test'
import { hotPath } from '../../src/http/hot-path.ts'
import { startHarness } from './harness.ts'

const { find } = hotPath('/base/api/v1/topics/:topic/records')
const at = (path: string) => find(`http://127.0.0.1:7070${path}`)

describe('a hot path', () => {
  test('is found with and without a query', () => {
    expect(at('/base/api/v1/topics/orders/records')).toBe('orders')
    expect(at('/base/api/v1/topics/orders/records?keyField=id')).toBe('orders')
    expect(at('/base/api/v1/topics/a.b-c_d/records?')).toBe('a.b-c_d')
  })

  test.each([
    ['another beginning', '/api/v1/topics/orders/records'],
    ['another end', '/base/api/v1/topics/orders/recordsx'],
    ['more behind it', '/base/api/v1/topics/orders/records/1'],
    ['a slash at the end', '/base/api/v1/topics/orders/records/'],
    ['no name', '/base/api/v1/topics//records'],
    ['no end', '/base/api/v1/topics/orders'],
    ['an escape', '/base/api/v1/topics/%6frders/records'],
    ['the path in the query', '/x?/base/api/v1/topics/orders/records'],
  ])('leaves %s to the router', (_, path) => expect(at(path)).toBeNull())

  test('answers as the router does, whatever way it is written', async () => {
    await using harness = await startHarness()
    await harness.broker.createTopic({ name: 'orders' })
    const post = async (path: string) => {
      const headers = { 'content-type': 'application/x-ndjson' }
      const response = await harness.ask(path, { method: 'POST', headers, body: '1\n' })
      return { status: response.status, answer: (await response.json()) as { count?: number; code?: string } }
    }
    for (const path of ['orders/records', '%6frders/records', 'orders/records/', 'orders/records?'])
      expect(await post(`/api/v1/topics/${path}`)).toMatchObject({ status: 200, answer: { count: 1 } })
    for (const path of ['orderz/records', '%6frderz/records', 'orderz/records/'])
      expect(await post(`/api/v1/topics/${path}`)).toMatchObject({
        status: 404,
        answer: { code: 'not_found' },
      })
    expect((await post('/api/v1/topics/orders/records?limit=1')).status).toBe(400)
    expect(harness.broker.dump('orders')).toHaveLength(4)
  })
})
