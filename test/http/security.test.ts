import { describe, expect, test } from 'bun:test'
import { hashToken, isLoopback, type Token } from '#http'
import { allRoutes } from '../../src/http/server.ts'
import { type Harness, postJson, problemOf, startHarness } from './harness.ts'

const token = (name: string, role: Token['role']): Token => ({
  name,
  role,
  sha256: hashToken(`${name}-secret`),
})
const tokens = [token('reader', 'read'), token('writer', 'write'), token('boss', 'admin')]
const bearer = (name: string) => ({ authorization: `Bearer ${name}-secret` })

describe('who is asked for a name', () => {
  test.each([
    ['127.0.0.1', 200],
    ['127.0.0.1:1', 200],
    ['localhost:7070', 200],
    ['LOCALHOST', 200],
    ['app.localhost', 200],
    ['[::1]:7070', 200],
    ['127.8.9.1', 200],
    ['evil.example', 403],
    ['evil.example:7070', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['0.0.0.0', 403],
    ['a b', 400],
    ['', 400],
    ['localhost:port', 400],
  ])('on loopback without tokens the host %p answers %p', async (host, status) => {
    await using h = await startHarness()
    for (const path of ['/health', '/api/v1/topics', '/', '/client.js']) {
      expect({ path, status: (await h.ask(path, { headers: { host } })).status }).toEqual({ path, status })
    }
  })

  test('further names may be allowed', async () => {
    await using h = await startHarness({ security: { tokens: [], allowedHosts: ['Gateway.lan'] } })
    expect((await h.ask('/health', { headers: { host: 'gateway.lan:7070' } })).status).toBe(200)
    expect((await h.ask('/health', { headers: { host: 'other.lan' } })).status).toBe(403)
  })

  test('a token makes any name good', async () => {
    await using h = await startHarness({ security: { tokens } })
    const headers = { host: 'pspf.example', ...bearer('reader') }
    expect((await h.ask('/api/v1/topics', { headers })).status).toBe(200)
  })

  test.each([
    ['127.0.0.1', true],
    ['localhost', true],
    ['::1', true],
    ['[::1]', true],
    ['0.0.0.0', false],
    ['::', false],
    ['127.9.9.9', true],
    ['127.evil.example', false],
    ['127.0.0.1.evil.org', false],
    ['192.168.1.2', false],
  ])('%s is loopback: %p', (host, expected) => {
    expect(isLoopback(host)).toBe(expected)
  })
})

describe('pages of other sites', () => {
  const create = (headers: Record<string, string>): RequestInit => ({
    ...postJson({ name: 'x' }),
    headers: { 'content-type': 'application/json', ...headers },
  })

  test.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
    [{ origin: 'http://localhost.evil.example' }],
    [{ origin: 'file://' }],
    [{ 'sec-fetch-site': 'cross-site' }],
  ])('%p may change nothing', async (headers) => {
    await using h = await startHarness()
    const changes: [string, RequestInit][] = [
      ['/api/v1/topics', create(headers)],
      ['/api/v1/apps/shop/pause', { method: 'POST', headers }],
      ['/api/v1/topics/orders', { method: 'DELETE', headers }],
    ]
    for (const [path, init] of changes) {
      expect(await problemOf(await h.ask(path, init))).toMatchObject({ status: 403, code: 'forbidden' })
    }
    expect(h.broker.topics()).toEqual([])
  })

  test('the own page, a page behind a proxy with the same name, and allowed origins may', async () => {
    await using h = await startHarness({ security: { tokens: [], allowedOrigins: ['https://ops.example'] } })
    const own = `127.0.0.1:${h.server.port}`
    const origins = [`http://${own}`, `https://${own}`, 'https://ops.example']
    for (const [index, origin] of origins.entries()) {
      const init = {
        ...postJson({ name: `t${index}` }),
        headers: { 'content-type': 'application/json', origin },
      }
      expect((await h.ask('/api/v1/topics', init)).status).toBe(201)
    }
  })

  test('no answer lets another origin read it', async () => {
    await using h = await startHarness()
    const response = await h.ask('/api/v1/topics', { headers: { origin: 'https://evil.example' } })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin')
  })
})

describe('tokens', () => {
  test('without a valid one everything but health, pages and the document is closed', async () => {
    await using h = await startHarness({ security: { tokens } })
    const open = [
      '/health',
      '/livez',
      '/readyz',
      '/startupz',
      '/',
      '/topics',
      '/client.js',
      '/swagger',
      '/swagger/json',
    ]
    for (const path of open)
      expect({ path, status: (await h.ask(path)).status }).toEqual({ path, status: 200 })
    for (const { method, path, access } of routesOf(h)) {
      if (access === 'public') continue
      const wrong: Record<string, string>[] = [
        {},
        { authorization: 'Bearer wrong' },
        { authorization: 'Basic cmVhZGVyLXNlY3JldA==' },
        { authorization: 'Bearer' },
        { authorization: `Bearer ${tokens[0]!.sha256}` },
      ]
      for (const headers of wrong) {
        const response = await h.ask(path.replaceAll(/:\w+/g, 'x'), { method, headers })
        expect({ method, path, headers, status: response.status }).toEqual({
          method,
          path,
          headers,
          status: 401,
        })
        expect(response.headers.get('www-authenticate')).toBe('Bearer realm="pspf"')
        expect((await problemOf(response)).code).toBe('unauthenticated')
      }
    }
  })

  test('a role reaches what it names and what is below', async () => {
    await using h = await startHarness({ security: { tokens } })
    const statuses = async (name: string) => {
      const list = await h.ask('/api/v1/topics', { headers: bearer(name) })
      const create = await h.ask('/api/v1/topics', {
        ...postJson({ name: `of-${name}` }),
        headers: { 'content-type': 'application/json', ...bearer(name) },
      })
      return [list.status, create.status]
    }
    expect(await statuses('reader')).toEqual([200, 403])
    expect(await statuses('writer')).toEqual([200, 201])
    expect(await statuses('boss')).toEqual([200, 201])
  })

  test('a refused body is not read', async () => {
    await using h = await startHarness({ security: { tokens } })
    const response = await h.ask('/api/v1/topics', postJson('{"not json'))
    expect(response.status).toBe(401)
  })

  test('health is for all, and names what is damaged only to those who may read', async () => {
    await using h = await startHarness({ security: { tokens } })
    const checksFor = async (headers: Record<string, string>) => {
      const response = await h.ask('/health', { headers })
      expect(response.status).toBe(200)
      return ((await response.json()) as { checks: unknown[] }).checks
    }
    expect(await checksFor({})).toEqual([])
    expect(await checksFor({ authorization: 'Bearer wrong' })).toEqual([])
    expect(await checksFor({ authorization: 'Bearer reader-secret' })).toEqual(h.facts.health.checks)
    await using open = await startHarness()
    const answer = (await (await open.ask('/health')).json()) as { checks: unknown[] }
    expect(answer.checks).toEqual(open.facts.health.checks)
  })

  test('nothing says a token back, in answers or in the log', async () => {
    await using h = await startHarness({ security: { tokens } })
    const headers = { authorization: 'Bearer reader-secret' }
    const answers = [
      await h.ask('/api/v1/topics', {
        ...postJson({ name: 'x' }),
        headers: { ...headers, 'content-type': 'application/json' },
      }),
      await h.ask('/api/v1/topics/nope', { headers }),
      await h.ask('/nope', { headers }),
    ]
    for (const answer of answers) expect(await answer.text()).not.toContain('secret')
    expect(h.log.join('')).not.toContain('secret')
  })
})

describe('headers of every answer', () => {
  test('nothing is sniffed, framed or loaded from elsewhere', async () => {
    await using h = await startHarness()
    const paths = [
      ...routesOf(h).map(({ path }) => path.replaceAll(/:\w+/g, 'x')),
      '/',
      '/topics/orders',
      '/client.js',
      '/assets/main-0123abcd.js',
      '/swagger',
      '/swagger/json',
      '/swagger/init.js',
      '/swagger/swagger-ui-bundle.js',
      '/nope',
      '/ws',
    ]
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
        const { headers } = await h.ask(path, { method })
        const policy = headers.get('content-security-policy') ?? ''
        expect({ path, method, policy }).toEqual({
          path,
          method,
          policy: expect.stringMatching(/default-src '(none|self)'/),
        })
        expect(policy).toContain("frame-ancestors 'none'")
        expect(policy).not.toContain('unsafe')
        expect(policy).not.toContain('http')
        expect(headers.get('x-content-type-options')).toBe('nosniff')
        expect(headers.get('referrer-policy')).toBe('no-referrer')
        expect(headers.get('x-frame-options')).toBe('DENY')
        expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
        expect(headers.get('server')).toBeNull()
      }
    }
  })

  test('embeddable views may be framed by this origin alone', async () => {
    await using h = await startHarness()
    for (const path of ['/embed/w/shop.total', '/embed/d/sales']) {
      const { headers } = await h.ask(path)
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'self'")
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN')
    }
  })

  test('answers with data are kept by no cache', async () => {
    await using h = await startHarness()
    for (const path of ['/health', '/metrics', '/api/v1/topics', '/nope']) {
      expect((await h.ask(path)).headers.get('cache-control')).toBe('no-store')
    }
  })
})

/** Every route of the server, from the document it gives. */
function routesOf(h: Harness) {
  return allRoutes(h.services).map(({ method, path, access }) => ({ method, path, access }))
}
