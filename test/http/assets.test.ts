import { describe, expect, test } from 'bun:test'
import { assets, html, problemOf, startHarness } from './harness.ts'

const hashed = '/assets/main-0123abcd.js'

/** `<Route path="/topics/:topic">` of the UI itself -> `/topics/some`. */
async function routesOfUi(): Promise<string[]> {
  const source = await Bun.file(new URL('../../ui/main.tsx', import.meta.url)).text()
  return [...source.matchAll(/<Route path="([^"]+)"/g)].map(([, path]) => path!.replace(/:\w+/g, 'some'))
}

describe('the UI', () => {
  test('is there under each of its pages, so that a reload works', async () => {
    await using h = await startHarness()
    const pages = [
      '/',
      '/index.html',
      '/topics',
      '/topics/orders',
      '/topics/a%2Fb?tab=messages',
      '/apps/shop',
      '/dashboards/sales',
      ...(await routesOfUi()),
    ]
    expect(pages).toContain('/dlq/some')
    for (const path of pages) {
      const response = await h.ask(path)
      expect({ path, status: response.status, body: await response.text() }).toEqual({
        path,
        status: 200,
        body: html,
      })
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(response.headers.get('cache-control')).toBe('no-cache')
    }
  })

  test('answers a browser that looks for a page that is not there, and a program with a problem', async () => {
    await using h = await startHarness()
    for (const path of ['/groups', '/topicsandmore', '/embed']) {
      const { status } = await h.ask(path, { headers: { accept: 'text/html' } })
      expect({ path, status }).toEqual({ path, status: 404 })
    }
    const browser = await h.ask('/nope', { headers: { accept: 'text/html,*/*' } })
    expect([browser.status, await browser.text()]).toEqual([404, html])
    expect((await problemOf(await h.ask('/nope'))).code).toBe('not_found')
    const api = await h.ask('/api/v1/nope', { headers: { accept: 'text/html' } })
    expect((await problemOf(api)).status).toBe(404)
  })

  test('is only read', async () => {
    await using h = await startHarness()
    for (const path of ['/', hashed, '/client.js']) {
      expect((await h.ask(path, { method: 'POST' })).status).toBe(404)
    }
  })

  test('without files every page is a problem, and the rest works', async () => {
    await using h = await startHarness({ assets: new Map() })
    expect((await problemOf(await h.ask('/', { headers: { accept: 'text/html' } }))).status).toBe(404)
    expect((await h.ask('/health')).status).toBe(200)
  })

  test('knows no file but those it was given', async () => {
    await using h = await startHarness()
    for (const path of [
      '/../package.json',
      '/assets/..%2f..%2fpackage.json',
      '/%2e%2e/%2e%2e/etc/passwd',
      '//etc/passwd',
      '/assets/',
      '/__proto__',
    ]) {
      expect({ path, status: (await h.ask(path)).status }).toEqual({ path, status: 404 })
    }
  })
})

describe('below another path', () => {
  test('everything lies there and nowhere else', async () => {
    await using h = await startHarness({ basePath: '/pspf/' })
    expect(h.server.url).toEndWith('/pspf')
    for (const path of [
      '/health',
      '/api/v1/topics',
      '/topics',
      '/client.js',
      '/swagger',
      '/swagger/json',
      '/',
    ]) {
      expect({ path, status: (await h.ask(`/pspf${path}`)).status }).toEqual({ path, status: 200 })
      expect((await h.ask(path)).status).toBe(404)
    }
    expect((await h.ask('/pspf')).status).toBe(200)
    expect(await (await h.ask('/pspf/topics')).text()).toContain('<base href="/pspf/">')
    const { servers } = (await (await h.ask('/pspf/swagger/json')).json()) as { servers: unknown }
    expect(servers).toEqual([{ url: '/pspf' }])
    expect((await h.ask('/pspfx/health')).status).toBe(404)
    expect((await h.ask('/pspf/health', { method: 'PUT' })).status).toBe(405)
  })

  test('a proxy that takes the path off says so in a header', async () => {
    await using h = await startHarness()
    const page = async (prefix: string) =>
      (await h.ask('/', { headers: { 'x-forwarded-prefix': prefix } })).text()
    expect(await page('/ops/pspf/')).toContain('<base href="/ops/pspf/">')
    for (const bad of ['"><script>', 'x', '//evil.example', '/a b', '/']) expect(await page(bad)).toBe(html)
  })

  test('a base path that is none is refused', async () => {
    await expect(startHarness({ basePath: 'pspf' })).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

describe('files', () => {
  test('with a hash in their name are kept for ever, others are asked for again', async () => {
    await using h = await startHarness()
    expect((await h.ask(hashed)).headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect((await h.ask('/client.js')).headers.get('cache-control')).toBe('no-cache')
  })

  test('that a browser has are not sent again', async () => {
    await using h = await startHarness()
    for (const path of ['/', '/client.js', hashed, '/swagger', '/swagger/swagger-ui.css']) {
      const first = await h.ask(path)
      const etag = first.headers.get('etag')!
      expect(etag).toMatch(/^"[0-9a-f]{32}(-gzip)?"$/)
      for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const again = await h.ask(path, { headers: { 'if-none-match': known } })
        expect([again.status, await again.text()]).toEqual([304, ''])
        expect(again.headers.get('content-security-policy')).not.toBeNull()
      }
      expect((await h.ask(path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
    }
  })

  test('are compressed for those who ask, under a tag of their own', async () => {
    await using h = await startHarness()
    const ask = async (encoding: string) => {
      const response = await h.ask(hashed, {
        headers: { 'accept-encoding': encoding },
        decompress: false,
      } as RequestInit)
      const bytes = await response.bytes()
      const packed = response.headers.get('content-encoding') === 'gzip'
      expect(new TextDecoder().decode(packed ? Bun.gunzipSync(bytes) : bytes)).toBe('const a = 1')
      expect(response.headers.get('vary')).toBe('accept-encoding')
      return { packed, etag: response.headers.get('etag') }
    }
    const plain = await ask('identity')
    expect(plain.packed).toBe(false)
    for (const encoding of ['gzip', 'br, GZIP;q=0.5', '*']) expect((await ask(encoding)).packed).toBe(true)
    for (const encoding of ['gzip;q=0', 'br', 'gzip;q=0.0']) expect((await ask(encoding)).packed).toBe(false)
    expect((await ask('gzip')).etag).not.toBe(plain.etag)
  })

  test('the API page loads only files of this server that are there', async () => {
    await using h = await startHarness()
    const page = await (await h.ask('/swagger')).text()
    expect(page).not.toMatch(/<script>|<style|style=|onload=|https?:/)
    const files = [...page.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, path]) => path!)
    expect(files).toHaveLength(3)
    for (const file of files) {
      const response = await h.ask(`/${file}`)
      expect({ file, status: response.status }).toEqual({ file, status: 200 })
      expect((await response.bytes()).length).toBeGreaterThan(50)
    }
    expect(await (await h.ask('/swagger/init.js')).text()).toContain('validatorUrl: null')
    expect(assets.has('/swagger')).toBe(false)
    // Who gets the files gets their licences.
    for (const file of ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']) {
      expect((await h.ask(`/swagger/${file}`)).headers.get('content-type')).toBe('text/plain; charset=utf-8')
    }
  })
})
