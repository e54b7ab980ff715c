// Text that others wrote: what would be unseen, or would reorder what stands around it, is spelled out.

/** Controls and the marks that turn the direction of writing. Line breaks and tabs are layout; joiners are spelling. */
const unseen = /(?![\n\t])\p{Cc}|[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** `a<U+202E>b -> a\u202Eb`; nearly every text comes back as it is. */
export function visibleText(text: string): string {
  return text.replace(unseen, spellOut)
}

function spellOut(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}
