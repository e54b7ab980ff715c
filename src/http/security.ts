// Who may ask: the names under which a loopback server answers, the origins that may change things, and tokens.
//
// A browser on this machine can be made to send requests by any page it shows. Three checks stand against that:
// a page cannot choose the `Host` header (so a rebound DNS name shows), cannot hide its `Origin`, and does not know a token.
import { createHash } from 'node:crypto'
import { BrokerError } from '#base'

/** What a token may do; each role may do what the ones before it may. */
export type Role = 'read' | 'write' | 'admin'
/** `public` asks for no token. */
export type Access = 'public' | Role

/** Tokens are kept as hashes: whoever reads the configuration cannot use them. */
export type Token = { readonly name: string; readonly role: Role; readonly sha256: string }

export type Security = {
  /** None: everybody who reaches the server may do everything, so it should listen on loopback only. */
  readonly tokens: readonly Token[]
  /** Names besides `localhost` and loopback addresses under which a server without tokens answers. */
  readonly allowedHosts?: readonly string[]
  /** Origins besides the server's own that may open sockets and change things: `https://ops.example`. */
  readonly allowedOrigins?: readonly string[]
}

/** `hashToken('secret')`: 64 hex digits. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '')
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
  )
}

const ranks: Record<Access, number> = { public: 0, read: 1, write: 2, admin: 3 }
const socketProtocol = 'pspf'
const socketTokenPrefix = 'pspf.token.'
const hostPattern = /^(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+)(?::(\d{1,5}))?$/

export class Gate {
  readonly #tokens: ReadonlyMap<string, Token>
  readonly #hosts: ReadonlySet<string> | null
  readonly #origins: ReadonlySet<string>
  /** The last name that passed. */
  #knownHost: string | null = null

  /** `boundTo`: the address the server listens on. */
  constructor(security: Security, boundTo: string) {
    this.#tokens = new Map(security.tokens.map((token) => [token.sha256.toLowerCase(), token]))
    // With tokens, or on a public address without them by the operator's will, any name may lead here.
    const checksHosts = security.tokens.length === 0 && isLoopback(boundTo)
    this.#hosts = checksHosts
      ? new Set((security.allowedHosts ?? []).map((name) => name.toLowerCase()))
      : null
    this.#origins = new Set((security.allowedOrigins ?? []).map((origin) => origin.toLowerCase()))
  }

  /** Throws `forbidden` for a name that is not ours, and for a change asked for by another site's page. */
  checkSender(request: Request, changes: boolean): void {
    const headers = request.headers
    const host = headers.get('host')
    // Clients ask under the same name again and again.
    if (host !== null && host === this.#knownHost) {
      if (changes) this.#checkOrigin(headers, host)
      return
    }
    const match = host === null ? null : hostPattern.exec(host)
    if (!match) {
      throw new BrokerError('invalid_request', 'the Host header is missing or malformed', {
        fix: 'name the server in the Host header, as every HTTP client does',
      })
    }
    if (this.#hosts !== null && !isLoopback(match[1]!) && !this.#hosts.has(match[1]!.toLowerCase())) {
      throw new BrokerError('forbidden', `this server does not answer under the name "${match[1]}"`, {
        fix: 'use http://127.0.0.1 or http://localhost, or start the server with a token (PSPF_TOKEN)',
      })
    }
    this.#knownHost = host
    if (changes) this.#checkOrigin(headers, host!)
  }

  #checkOrigin(headers: Headers, host: string): void {
    const origin = headers.get('origin')?.toLowerCase() ?? null
    if (origin === null && headers.get('sec-fetch-site') !== 'cross-site') return
    // The scheme is not compared: behind a proxy that ends TLS, the page has https and we have http.
    if (origin !== null && /^https?:\/\/(.+)$/.exec(origin)?.[1] === host.toLowerCase()) return
    if (origin !== null && this.#origins.has(origin)) return
    throw new BrokerError('forbidden', `a page of ${origin ?? 'another site'} may not change things here`, {
      fix: 'open the UI under the address of the server itself',
    })
  }

  /** Whether `checkToken` would let the request pass. */
  admits(request: Request, access: Access): boolean {
    if (access === 'public' || this.#tokens.size === 0) return true
    const token = this.#tokens.get(hashToken(presentedBy(request) ?? ''))
    return token !== undefined && ranks[token.role] >= ranks[access]
  }

  /** Throws `unauthenticated` without a valid token, `forbidden` if its role does not reach. */
  checkToken(request: Request, access: Access): void {
    if (access === 'public' || this.#tokens.size === 0) return
    this.#admit(presentedBy(request), access)
  }

  /**
   * As `checkToken`, for a socket: browsers cannot set its headers, but they can name sub-protocols.
   * Answers the sub-protocol to accept, if one was offered.
   */
  checkSocketToken(request: Request, access: Role): string | null {
    const offered = (request.headers.get('sec-websocket-protocol') ?? '')
      .split(',')
      .map((name) => name.trim())
    const carrier = offered.find((name) => name.startsWith(socketTokenPrefix))
    if (this.#tokens.size > 0) {
      if (carrier !== undefined) this.#admit(carrier.slice(socketTokenPrefix.length), access)
      else this.checkToken(request, access)
    }
    return offered.includes(socketProtocol) ? socketProtocol : null
  }

  #admit(presented: string | null, access: Role): void {
    const token = presented === null ? undefined : this.#tokens.get(hashToken(presented))
    if (token === undefined) {
      const why = presented === null ? 'no token was sent' : 'the token is not known here'
      throw new BrokerError('unauthenticated', why, {
        fix: 'send "Authorization: Bearer TOKEN"; with pspf, set PSPF_TOKEN or give --token-file',
      })
    }
    if (ranks[token.role] >= ranks[access]) return
    throw new BrokerError(
      'forbidden',
      `token "${token.name}" has the role ${token.role}; this needs ${access}`,
      {
        fix: `use a token with the role ${access}`,
      },
    )
  }
}

function presentedBy(request: Request): string | null {
  const authorization = request.headers.get('authorization')
  return authorization === null ? null : (/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? null)
}
