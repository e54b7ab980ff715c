// Runs inside the page: which texts are too faint to read on what lies behind them (WCAG 2.2 AA).

/** One line per text below 4.5:1 (3:1 if large). Self-contained: the browser gets this function as text. */
export function unreadableTexts(): string[] {
  type Color = [number, number, number, number]
  const canvas = document.createElement('canvas')
  canvas.width = 1
  canvas.height = 1
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  const read = (text: string): Color => {
    context.clearRect(0, 0, 1, 1)
    context.fillStyle = text
    context.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data
    return [r ?? 0, g ?? 0, b ?? 0, (a ?? 0) / 255]
  }
  const over = (top: Color, bottom: Color): Color => {
    const mix = (index: 0 | 1 | 2) => top[index] * top[3] + bottom[index] * (1 - top[3])
    return [mix(0), mix(1), mix(2), 1]
  }
  const luminance = ([r, g, b]: Color): number => {
    const part = (value: number) => {
      const share = value / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    }
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
  }
  const behind = (element: Element): Color => {
    const layers: Color[] = []
    for (let at: Element | null = element; at; at = at.parentElement) {
      const color = read(getComputedStyle(at).backgroundColor)
      if (color[3] > 0) layers.push(color)
      if (color[3] === 1) break
    }
    return layers.reduceRight((bottom, top) => over(top, bottom), [255, 255, 255, 1] as Color)
  }
  const found = new Set<string>()
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement
    const text = node.textContent?.trim()
    if (!element || !text || element.closest('.offscreen, noscript, svg, :disabled, .is-stale')) continue
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
    // Behind an open dialog everything is veiled on purpose.
    if (document.querySelector('dialog[open]') && !element.closest('dialog[open]')) continue
    const style = getComputedStyle(element)
    const ground = behind(element)
    const [light, dark] = [luminance(over(read(style.color), ground)), luminance(ground)].sort(
      (a, b) => b - a,
    )
    const ratio = ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05)
    const size = Number.parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    if (ratio < (large ? 3 : 4.5)) {
      found.add(`"${text.slice(0, 30)}" (${element.className}) has ${ratio.toFixed(2)}:1`)
    }
  }
  return [...found]
}
