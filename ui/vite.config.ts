import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Where the server looks for the panel. Never committed. */
const PANEL = fileURLToPath(new URL('../src/fenghuo/web/panel', import.meta.url))

/** Texts shorter than this are not worth a second file. */
const GZIP_BYTES_MIN = 1024

/** Writes `name.gz` beside every text asset, so that the server compresses nothing while it serves. */
function gzip(): Plugin {
  return {
    name: 'fenghuo-gzip',
    apply: 'build',
    closeBundle() {
      for (const entry of readdirSync(PANEL, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(js|css|html|svg)$/.test(entry)) continue
        const bytes = readFileSync(join(PANEL, entry))
        if (bytes.length >= GZIP_BYTES_MIN) writeFileSync(join(PANEL, `${entry}.gz`), gzipSync(bytes, { level: 9 }))
      }
    },
  }
}

export default defineConfig({
  plugins: [vue(), gzip()],
  // A test reads the colours; by default style sheets are empty in tests.
  test: { css: true },
  resolve: { alias: { '@': fileURLToPath(new URL('src', import.meta.url)) } },
  build: {
    outDir: PANEL,
    emptyOutDir: true,
    target: 'es2022',
    // The policy the panel is served with allows no data: fonts and no inline scripts; small images stay files, too.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
  server: {
    // `npm run dev` shows the panel over a server that runs already.
    proxy: { '/api': process.env.FENGHUO_SERVER ?? 'http://127.0.0.1:9470' },
  },
})
