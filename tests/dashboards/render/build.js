/** `node build.js FOLDER`: the page as a folder of static files. */
import { cpSync } from 'node:fs';
import { build } from 'esbuild';

const [folder] = process.argv.slice(2);

// Where Grafana's own styles and icons look for files.
const SERVED = {
  'index.html': ['index.html'],
  'node_modules/@grafana/ui/dist/public/img': ['build/img'],
  'node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2': [
    'fonts/inter/Inter-Regular.woff2',
    'fonts/inter/Inter-Medium.woff2',
  ],
  'node_modules/@fontsource-variable/inter/files/inter-latin-wght-italic.woff2': [
    'fonts/inter/Inter-Italic.woff2',
    'fonts/inter/Inter-MediumItalic.woff2',
  ],
  'node_modules/@fontsource-variable/roboto-mono/files/roboto-mono-latin-wght-normal.woff2': [
    'fonts/roboto/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2',
  ],
};

const common = { bundle: true, target: 'es2022', logLevel: 'warning' };

await build({
  ...common,
  entryPoints: ['src/main.jsx'],
  outdir: folder,
  // a chunk per lazy import: the editors of Grafana are never loaded
  splitting: true,
  format: 'esm',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.ttf': 'file' },
});
await build({
  ...common,
  entryPoints: ['src/fields.js'],
  outfile: `${folder}/fields.cjs`,
  platform: 'node',
});
for (const [from, names] of Object.entries(SERVED)) {
  for (const name of names) {
    cpSync(from, `${folder}/${name}`, { recursive: true });
  }
}
