// Runs before the first picture, as a plain script in the head: the theme is right from the first pixel.
{
  const asked = new URLSearchParams(location.search).get('theme')
  let stored: string | null = null
  try {
    stored = localStorage.getItem('pspf.theme')
  } catch {
    stored = null // Storage is off (a strict embed): follow the system.
  }
  const choice = asked ?? stored ?? 'system'
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light'
}
