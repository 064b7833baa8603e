/** One dashboard as a page: `?data=FOLDER&theme=light|dark`, FOLDER with the two JSON files. */
import { createTheme } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, ThemeContext } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { Dashboard } from './Dashboard.jsx';
import { start } from './prepare.js';

/** Grafana draws curves on canvases, which never wait for a font. */
async function fonts() {
  await new Promise((styled) => setTimeout(styled, 100));
  await Promise.all(['400 14px Inter', '500 14px Inter'].map((font) => document.fonts.load(font)));
}

async function read(folder, name) {
  const response = await fetch(`${folder}/${name}`);
  return response.json();
}

const query = new URLSearchParams(window.location.search);
const theme = createTheme({ colors: { mode: query.get('theme') } });
const themed = (child) => <ThemeContext.Provider value={theme}>{child}</ThemeContext.Provider>;

// components fail without translations, even the English ones in their code
await initPluginTranslations('render');
start();
createRoot(document.getElementById('styles')).render(themed(<GlobalStyles />));
const dashboard = await read(query.get('data'), 'dashboard.json');
const frames = await read(query.get('data'), 'frames.json');
await fonts();
const page = { ...frames, theme, timeZone: dashboard.timezone || 'browser' };
createRoot(document.getElementById('page')).render(
  themed(<Dashboard dashboard={dashboard} frames={frames.panels} page={page} />),
);
