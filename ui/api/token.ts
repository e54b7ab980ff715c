// The token a protected server asks for: kept for this tab only, sent with every request.
import { signal } from '@preact/signals'

const storageKey = 'pspf.token'

export const tokenAsked = signal(false)

export function currentToken(): string | null {
  try {
    return sessionStorage.getItem(storageKey)
  } catch {
    return null // Storage is off: the token is asked for once per page.
  }
}

export function authorization(): Record<string, string> {
  const token = currentToken()
  return token ? { authorization: `Bearer ${token}` } : {}
}

export function askForToken(): void {
  tokenAsked.value = true
}

export function saveToken(token: string): void {
  sessionStorage.setItem(storageKey, token)
  tokenAsked.value = false
}
