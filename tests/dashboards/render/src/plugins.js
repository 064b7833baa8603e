/**
 * What Grafana's panel plugins declare: their options with defaults, and the options of fields.
 *
 * The plugins themselves are on no registry. Grafana drops every option of a field that its panel
 * does not declare; `prepare` refuses it instead, so a name missing here is noticed.
 */
import {
  FieldConfigOptionsRegistry,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
} from '@grafana/data';

const LEGEND = { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] };
const REDUCE = { calcs: ['lastNotNull'], fields: '', values: false };
const BY_SERIES = { mode: 'palette-classic' };
const BY_THRESHOLD = { mode: 'thresholds' };

const AXIS = {
  axisBorderShow: false,
  axisCenteredZero: false,
  axisColorMode: 'text',
  axisGridShow: undefined,
  axisLabel: '',
  axisPlacement: 'auto',
  axisSoftMax: undefined,
  axisSoftMin: undefined,
  axisWidth: undefined,
  hideFrom: { legend: false, tooltip: false, viz: false },
  scaleDistribution: { type: 'linear' },
};

const LINES = {
  barAlignment: 0,
  barMaxWidth: undefined,
  barWidthFactor: 0.6,
  drawStyle: 'line',
  fillBelowTo: undefined,
  fillOpacity: 0,
  gradientMode: 'none',
  insertNulls: false,
  lineInterpolation: 'linear',
  lineStyle: undefined,
  lineWidth: 1,
  pointSize: 5,
  showPoints: 'auto',
  showValues: false,
  spanNulls: false,
  stacking: { mode: 'none', group: 'A' },
  thresholdsStyle: { mode: 'off' },
  transform: undefined,
};

const CELLS = {
  align: 'auto',
  cellOptions: { type: 'auto' },
  filterable: undefined,
  'footer.reducers': undefined,
  hideFrom: undefined,
  'hideFrom.viz': undefined,
  hideHeader: undefined,
  inspect: false,
  minWidth: 150,
  styleField: undefined,
  'tooltip.field': undefined,
  'tooltip.placement': undefined,
  width: undefined,
  wrapHeaderText: undefined,
  wrapText: undefined,
};

const PLUGINS = {
  timeseries: {
    color: BY_SERIES,
    custom: { ...AXIS, ...LINES },
    options: { legend: LEGEND, tooltip: { mode: 'single', sort: 'none' } },
  },
  barchart: {
    color: BY_SERIES,
    custom: {
      ...AXIS,
      fillOpacity: 80,
      gradientMode: 'none',
      lineWidth: 1,
      thresholdsStyle: { mode: 'off' },
    },
    options: { legend: LEGEND, orientation: 'auto', stacking: 'none' },
  },
  'state-timeline': {
    color: BY_THRESHOLD,
    custom: { ...AXIS, fillOpacity: 70, lineWidth: 0 },
    options: { legend: LEGEND, mergeValues: true, rowHeight: 0.9, showValue: 'auto' },
  },
  stat: {
    color: BY_THRESHOLD,
    custom: {},
    options: {
      colorMode: 'value',
      graphMode: 'area',
      justifyMode: 'auto',
      orientation: 'auto',
      percentChangeColorMode: 'standard',
      reduceOptions: REDUCE,
      showPercentChange: false,
      textMode: 'auto',
      wideLayout: true,
    },
  },
  bargauge: {
    color: BY_THRESHOLD,
    custom: {},
    options: {
      displayMode: 'gradient',
      maxVizHeight: 300,
      minVizHeight: 16,
      minVizWidth: 8,
      namePlacement: 'auto',
      orientation: 'auto',
      reduceOptions: REDUCE,
      showUnfilled: true,
      valueMode: 'color',
    },
  },
  table: {
    color: BY_THRESHOLD,
    custom: CELLS,
    options: { cellHeight: 'sm', frameIndex: 0, showHeader: true, sortBy: [] },
  },
  text: { custom: {}, options: { mode: 'markdown', content: '' } },
};

const STANDARD = {
  actions: {},
  color: {},
  decimals: { process: numberOverrideProcessor },
  description: { process: stringOverrideProcessor },
  displayName: {
    process: displayNameOverrideProcessor,
    settings: { expandTemplateVars: true },
  },
  fieldMinMax: {},
  links: {},
  mappings: { defaultValue: [] },
  max: { process: numberOverrideProcessor },
  min: { process: numberOverrideProcessor },
  noValue: { process: stringOverrideProcessor },
  thresholds: {
    process: thresholdsOverrideProcessor,
    defaultValue: {
      mode: 'absolute',
      steps: [
        { color: 'green', value: null },
        { color: 'red', value: 80 },
      ],
    },
  },
  unit: {},
};

function option(path, more) {
  return {
    id: path,
    path,
    name: path,
    process: identityOverrideProcessor,
    shouldApply: () => true,
    ...more,
  };
}

/** All types of panels that can be drawn. */
export const TYPES = Object.keys(PLUGINS);

/** The plugin of a type, with what `getPanelOptionsWithDefaults` asks a plugin for. */
export function pluginOf(type) {
  const known = PLUGINS[type];
  if (!known) {
    throw new Error(`unsupported panel type "${type}"; known are ${TYPES.join(', ')}`);
  }
  const registry = new FieldConfigOptionsRegistry();
  for (const [path, more] of Object.entries(STANDARD)) {
    registry.register(option(path, more));
  }
  for (const path of Object.keys(known.custom)) {
    registry.register(option(path, { id: `custom.${path}`, isCustom: true }));
  }
  const given = Object.entries(known.custom).filter(([, value]) => value !== undefined);
  return {
    defaults: known.options,
    fieldConfigDefaults: {
      defaults: {
        color: known.color,
        mappings: STANDARD.mappings.defaultValue,
        thresholds: structuredClone(STANDARD.thresholds.defaultValue),
        custom: Object.fromEntries(given),
      },
      overrides: [],
    },
    fieldConfigRegistry: registry,
  };
}
