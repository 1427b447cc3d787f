// Runs before the first paint, so that nobody who chose dark is flashed with white. src/theme/theme.ts takes over.
(function () {
  var choice = null
  try {
    choice = window.localStorage.getItem('fenghuo.theme')
  } catch (error) {
    // Storage is switched off in this browser: the system's theme it is.
  }
  var dark = choice === 'dark' || (choice !== 'light' && window.matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()
