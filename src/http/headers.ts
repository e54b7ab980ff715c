// The headers that every answer carries: nothing is sniffed, framed or loaded from elsewhere.

const everywhere = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/** Pages load only from this origin, and run no inline script or style. */
function pagePolicy(frameAncestors: string): string {
  return [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors}`,
  ].join('; ')
}

/** Data: shown by a browser at most as text, and never kept by a cache. */
export const dataHeaders: Readonly<Record<string, string>> = {
  ...everywhere,
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
}

/** The UI and the API page. */
export const pageHeaders: Readonly<Record<string, string>> = {
  ...everywhere,
  'content-security-policy': pagePolicy("'none'"),
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
}

/** Views made to be embedded; other origins follow with embed tokens. */
export const embedHeaders: Readonly<Record<string, string>> = {
  ...everywhere,
  'content-security-policy': pagePolicy("'self'"),
  'x-frame-options': 'SAMEORIGIN',
}
