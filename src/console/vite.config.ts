/**
 * vite.config.ts – Builds the console into `dist/console`, as the server serves it.
 *
 * Keeps true: what has a hash in its name never changes, and is there compressed too. Nothing in
 * the page is inline but what the nonce of an answer allows.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const OUT = fileURLToPath(new URL('../../dist/console/', import.meta.url));
/** Fonts are compressed already. */
const COMPRESSED = /\.(?:js|css|svg)$/;
/** 11 takes eight times as long, for 3 % less. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

/** Writes `.br` and `.gz` beside each asset. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    closeBundle() {
      const folder = join(OUT, 'assets');
      for (const name of readdirSync(folder).filter((each) => COMPRESSED.test(each))) {
        const file = join(folder, name);
        const content = readFileSync(file);
        writeFileSync(`${file}.br`, brotliCompressSync(content, BROTLI));
        writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

// Whoever builds it, in tests too, gets the page that users get: React has another for developers.
process.env['NODE_ENV'] = 'production';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/',
  plugins: [react(), compressed()],
  html: { cspNonce: '%NONCE%' },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    // What belongs to which page: a test adds up what is loaded first.
    manifest: true,
    // light-dark() is taken as it is.
    target: ['chrome123', 'firefox124', 'safari17.5'],
    cssTarget: ['chrome123', 'firefox124', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
