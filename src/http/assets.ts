// Serves files that are known when the server starts: the UI, the browser client, the API page. Names with a hash in them
// never change and are kept for ever by browsers; everything else is asked for again and mostly answered "unchanged".
import { createHash } from 'node:crypto'
import { embedHeaders, pageHeaders } from './headers.ts'

export type Asset = {
  /** Where the file is (also inside the executable), or its bytes. */
  readonly file: string | Uint8Array
  readonly contentType: string
  /** The same bytes compressed, if that pays. */
  readonly gzip?: Uint8Array
  /** The name contains a hash of the content. */
  readonly hashed: boolean
}

/** By path, with the leading slash: `/index.html`, `/assets/main-4f2a.js`. */
export type Assets = ReadonlyMap<string, Asset>

type Content = Uint8Array<ArrayBuffer> | Bun.BunFile
type Loaded = { readonly content: Content; readonly etag: string }

/** Paths that the UI shows itself, so that a reload or a pasted link works. */
const pages = /^\/(?:$|(?:topics|apps|dlq|dashboards|embed\/[wd])(?:\/|$))/
const embeds = '/embed/'
const prefixPattern = /^(?:\/[A-Za-z0-9._~-]+)+$/

export class AssetServer {
  readonly #assets: Assets
  readonly #basePath: string
  /** Files inside the executable do not change, so their tags are reckoned once. */
  readonly #loaded = new Map<string, Promise<Loaded>>()

  constructor(assets: Assets, basePath: string) {
    this.#assets = assets
    this.#basePath = basePath
  }

  /** The file of that path, or the UI for one of its pages; null if it is neither. */
  answer(request: Request, path: string): Promise<Response> | null {
    if (request.method !== 'GET' && request.method !== 'HEAD') return null
    const asset = path === '/index.html' ? undefined : this.#assets.get(path)
    if (asset !== undefined) return this.#file(request, path, asset)
    const page = this.#assets.get('/index.html')
    if (page === undefined) return null
    if (path === '/index.html' || pages.test(path)) return this.#page(request, path, { page, status: 200 })
    // Somebody looks at a page that is not there: the UI says so better than a problem object.
    const isLooking = request.headers.get('accept')?.includes('text/html') && !path.startsWith('/api/')
    return isLooking ? this.#page(request, path, { page, status: 404 }) : null
  }

  async #file(request: Request, path: string, asset: Asset): Promise<Response> {
    const { content, etag } = await this.#load(path, asset)
    const headers = new Headers(pageHeaders)
    headers.set('content-type', asset.contentType)
    headers.set('cache-control', asset.hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    if (asset.gzip === undefined) return send(request, { content, etag, headers })
    headers.set('vary', 'accept-encoding')
    if (!acceptsGzip(request)) return send(request, { content, etag, headers })
    headers.set('content-encoding', 'gzip')
    // Another representation, so another tag.
    const gzipTag = `${etag.slice(0, -1)}-gzip"`
    return send(request, { content: asset.gzip as Uint8Array<ArrayBuffer>, etag: gzipTag, headers })
  }

  /** The UI's page, told below which path it lives. */
  async #page(
    request: Request,
    path: string,
    { page, status }: { page: Asset; status: number },
  ): Promise<Response> {
    const prefix = this.#prefix(request)
    const loaded = await this.#load('/index.html', page)
    const { content, etag } = prefix === '' ? loaded : await rebase(loaded.content, prefix)
    const headers = new Headers(path.startsWith(embeds) ? embedHeaders : pageHeaders)
    headers.set('content-type', 'text/html; charset=utf-8')
    headers.set('cache-control', 'no-cache')
    headers.set('vary', 'x-forwarded-prefix')
    return send(request, { content, etag, headers, status })
  }

  /** What a proxy in front has taken off the path, or the configured base path. */
  #prefix(request: Request): string {
    const forwarded = request.headers.get('x-forwarded-prefix')?.replace(/\/$/, '') ?? ''
    const prefix = prefixPattern.test(forwarded) ? forwarded : ''
    return prefix + this.#basePath
  }

  #load(path: string, asset: Asset): Promise<Loaded> {
    let loaded = this.#loaded.get(path)
    if (loaded === undefined) {
      loaded = load(asset)
      this.#loaded.set(path, loaded)
    }
    return loaded
  }
}

async function load({ file }: Asset): Promise<Loaded> {
  if (typeof file !== 'string') return { content: file as Uint8Array<ArrayBuffer>, etag: etagOf(file) }
  const content = Bun.file(file)
  return { content, etag: etagOf(await content.bytes()) }
}

async function rebase(html: Content, prefix: string): Promise<Loaded> {
  const text = await new Response(html).text()
  const content = new TextEncoder().encode(text.replace('<base href="/"', `<base href="${prefix}/"`))
  return { content, etag: etagOf(content) }
}

type Sending = Loaded & { readonly headers: Headers; readonly status?: number }

function send(request: Request, { content, etag, headers, status = 200 }: Sending): Response {
  headers.set('etag', etag)
  const known = request.headers.get('if-none-match')
  if (known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*')) {
    return new Response(null, { status: 304, headers })
  }
  return new Response(content, { status, headers })
}

function acceptsGzip(request: Request): boolean {
  const accepted = request.headers.get('accept-encoding') ?? ''
  return accepted.split(',').some((one) => {
    const [name = '', quality = ''] = one.split(';').map((part) => part.trim().toLowerCase())
    return (name === 'gzip' || name === '*') && !/^q=0(\.0*)?$/.test(quality)
  })
}

const etagOf = (bytes: Uint8Array) => `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`
