/** From a panel of a dashboard and its raw frames to what Grafana gives the panel's component. */
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  dataFrameFromJSON,
  dateTime,
  fieldMatchers,
  getPanelOptionsWithDefaults,
  locationUtil,
  rangeUtil,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';
import { pluginOf } from './plugins.js';
import { replacer } from './variables.js';

/** Once per page or process, before anything else here. */
export function start() {
  // some stand under a second name too
  const transformers = [...new Set(Object.values(standardTransformers))];
  standardTransformersRegistry.setInit(() => transformers.map(listed));
  locationUtil.initialize({
    config: { appSubUrl: '' },
    getTimeRangeForUrl: () => ({}),
    getVariablesUrlParams: () => ({}),
  });
}

function listed(transformer) {
  return { ...transformer, transformation: () => transformer };
}

/** The panels to draw: those within a collapsed row are not among them. */
export function panelsOf(dashboard) {
  return dashboard.panels.filter((panel) => panel.type !== 'row');
}

/**
 * Options, fields with their overrides, and the range of time of one panel.
 *
 * `page` has `theme`, `timeZone`, and the `timeRange` and `variables` of frames.json. Throws what
 * Grafana would pass over in silence: an option no panel of this type has, an unknown
 * transformation, a variable that nothing stands behind.
 */
export async function prepare(panel, frames = [], page) {
  const plugin = pluginOf(panel.type);
  refuseUnknown(panel, plugin.fieldConfigRegistry);
  const timeRange = rangeOf(panel, page.timeRange);
  const replaceVariables = replacer({ variables: page.variables ?? {}, timeRange });
  const { options, fieldConfig } = getPanelOptionsWithDefaults({
    plugin,
    currentOptions: panel.options,
    currentFieldConfig: structuredClone(panel.fieldConfig),
  });
  const transformed = transformDataFrame(
    panel.transformations ?? [],
    frames.map((frame) => dataFrameFromJSON(frame)),
    { interpolate: replaceVariables },
  );
  const series = applyFieldOverrides({
    data: await lastValueFrom(transformed),
    fieldConfig,
    fieldConfigRegistry: plugin.fieldConfigRegistry,
    replaceVariables,
    theme: page.theme,
    timeZone: page.timeZone,
  });
  cacheFieldDisplayNames(series);
  return {
    id: panel.id,
    type: panel.type,
    title: replaceVariables(panel.title),
    options,
    fieldConfig,
    series,
    timeRange,
    replaceVariables,
    timeZone: page.timeZone,
    theme: page.theme,
  };
}

function rangeOf(panel, { from, to }) {
  const start = panel.timeFrom ? to - rangeUtil.intervalToMs(panel.timeFrom) : from;
  const ends = { from: dateTime(start), to: dateTime(to) };
  return { ...ends, raw: ends };
}

function refuseUnknown(panel, registry) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const ids = [...pathsOf(defaults, registry)];
  for (const { matcher, properties } of overrides) {
    if (!fieldMatchers.getIfExists(matcher.id)) {
      throw new Error(`no matcher "${matcher.id}"`);
    }
    ids.push(...properties.map((property) => property.id));
  }
  const unknown = ids.filter((id) => !registry.getIfExists(id));
  if (unknown.length) {
    throw new Error(`a ${panel.type} has no option ${unknown.join(', ')}: Grafana drops it`);
  }
  for (const { id } of panel.transformations ?? []) {
    if (!standardTransformersRegistry.getIfExists(id)) {
      throw new Error(`the transformation "${id}" is not in @grafana/data`);
    }
  }
}

/** Paths of options: objects are gone into until a path is known. */
function* pathsOf(object, registry, prefix = '') {
  for (const [name, value] of Object.entries(object)) {
    const path = `${prefix}${name}`;
    const nested = value && typeof value === 'object' && !Array.isArray(value);
    if (nested && !registry.getIfExists(path)) {
      yield* pathsOf(value, registry, `${path}.`);
    } else {
      yield path;
    }
  }
}
