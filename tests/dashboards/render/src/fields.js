/**
 * Prints as JSON what Grafana's own code makes of a dashboard's data: names, texts, colours, links.
 *
 * `node fields.cjs FOLDER [light]` (as built) reads dashboard.json and frames.json of the folder; no browser is
 * needed. Per id of a panel: `title`, `type`, `fields` (`name`, `type`, `last` with `text` and
 * `color` of the last value, its `links`, and in tables the text of all `cells`), `values` of a
 * stat or bar gauge, and `unmatched`, the matchers of overrides that no field answers to. A panel
 * that cannot be prepared has an `error` instead.
 */
import './no-browser.js';
import { readFileSync } from 'node:fs';
import * as data from '@grafana/data';
import { panelsOf, prepare, start } from './prepare.js';

const [folder, theme = 'dark'] = process.argv.slice(2);
const read = (name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
const dashboard = read('dashboard.json');
const frames = read('frames.json');
const page = {
  ...frames,
  theme: data.createTheme({ colors: { mode: theme } }),
  timeZone: dashboard.timezone || 'browser',
};

function shown(display) {
  return { text: data.formattedValueToString(display), color: display.color };
}

function describeField(field, frame, { series, type }) {
  const rows = field.values.length;
  const last = rows ? rows - 1 : undefined;
  return {
    name: data.getFieldDisplayName(field, frame, series),
    type: field.type,
    last: shown(field.display(rows ? field.values[last] : null)),
    links: rows ? field.getLinks({ valueRowIndex: last }).map(({ href }) => href) : [],
    ...(type === 'table' && {
      cells: field.values.map((value) => data.formattedValueToString(field.display(value))),
    }),
  };
}

function valuesOf({ options, fieldConfig, series, replaceVariables, theme, timeZone }) {
  const values = data.getFieldDisplayValues({
    fieldConfig,
    reduceOptions: options.reduceOptions,
    replaceVariables,
    theme,
    data: series,
    timeZone,
  });
  return values.map(({ display }) => ({ name: display.title, ...shown(display) }));
}

function unmatched({ fieldConfig, series }) {
  return fieldConfig.overrides
    .map(({ matcher }) => matcher)
    .filter((matcher) => {
      const matches = data.fieldMatchers.get(matcher.id).get(matcher.options);
      return !series.some((frame) => frame.fields.some((field) => matches(field, frame, series)));
    });
}

async function describe(panel) {
  try {
    const prepared = await prepare(panel, frames.panels[panel.id], page);
    const { title, type, options, series } = prepared;
    return {
      title,
      type,
      fields: series.flatMap((frame) =>
        frame.fields.map((field) => describeField(field, frame, prepared)),
      ),
      ...(options.reduceOptions && { values: valuesOf(prepared) }),
      unmatched: unmatched(prepared),
    };
  } catch (error) {
    return { title: panel.title, type: panel.type, error: error.message };
  }
}

async function main() {
  start();
  const described = {};
  for (const panel of panelsOf(dashboard)) {
    described[panel.id] = await describe(panel);
  }
  console.log(JSON.stringify(described, null, 2));
}

main();
