/** `$name` and `${name.path:format}` in titles, texts and links, as Grafana replaces them. */
import { formattedValueToString, getFieldDisplayName, getFieldDisplayValuesProxy } from '@grafana/data';

const REFERENCE = /\$\{(\w+)(?:\.([^:}]+))?(?::(\w+))?\}|\$([a-zA-Z_]\w*)/g;

const FORMATS = {
  csv: (values) => values.join(','),
  doublequote: (values) => values.map((value) => `"${value}"`).join(','),
  percentencode: (values) => encodeURIComponent(values.join(',')),
  pipe: (values) => values.join('|'),
  queryparam: (values, name) =>
    values.map((value) => `var-${name}=${encodeURIComponent(value)}`).join('&'),
  raw: (values) => values.join(','),
  singlequote: (values) => values.map((value) => `'${value}'`).join(','),
  text: (values) => values.join(' + '),
  uriencode: (values) => encodeURI(values.join(',')),
};

/** A function that replaces variables in a text; one that is not known is an error. */
export function replacer({ variables, timeRange }) {
  const { from, to } = timeRange;
  const pairs = Object.entries(variables);
  const queryparams = pairs.map(([name, value]) => FORMATS.queryparam([value].flat(), name));
  // never formatted: they are parts of an address already, or numbers
  const fixed = {
    __all_variables: queryparams.join('&'),
    __from: String(from.valueOf()),
    __to: String(to.valueOf()),
    __url_time_range: `from=${from.valueOf()}&to=${to.valueOf()}`,
  };
  return (text, scoped = {}, format = 'raw') =>
    text?.replace(REFERENCE, (reference, braced, path, ownFormat, plain) => {
      const name = braced ?? plain;
      if (name in fixed) {
        return fixed[name];
      }
      const value = variables[name] ?? scoped[name]?.value ?? ofField(name, path, scoped);
      const print = FORMATS[ownFormat ?? (typeof format === 'string' ? format : 'raw')];
      if (value === undefined || !print) {
        throw new Error(`nothing stands behind ${reference} in "${text}"`);
      }
      return print([value].flat(), name);
    });
}

/** What `__field`, `__series`, `__value` and `__data` mean where a field, or one value, is given. */
function ofField(name, path, scoped) {
  const context = scoped.__dataContext?.value;
  if (!context) {
    return undefined;
  }
  const { data, frame, field, rowIndex, calculatedValue } = context;
  const [first, ...rest] = (path ?? '').split(/\.|\[["']?|["']?\]\.?/).filter(Boolean);
  switch (name) {
    case '__field':
      if (first === 'labels') {
        const labels = field.labels ?? {};
        // a label that this series lacks is empty, as in Grafana
        return rest.length
          ? (labels[rest.join('.')] ?? '')
          : Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      }
      return { name: field.name, displayName: getFieldDisplayName(field, frame, data) }[first];
    case '__series':
      return first === 'name' ? (frame.name ?? '') : undefined;
    case '__value':
      return ofValue(calculatedValue ?? shown(field, rowIndex), field.values[rowIndex], first);
    case '__data': {
      if (first !== 'fields' || rowIndex === undefined) {
        return undefined;
      }
      const last = rest.at(-1);
      const property = rest.length > 1 && ['numeric', 'text', 'raw'].includes(last) && last;
      const key = (property ? rest.slice(0, -1) : rest).join('.');
      const display = getFieldDisplayValuesProxy({ frame, rowIndex })[key];
      return display && (property ? String(display[property]) : String(display));
    }
    default:
      return undefined;
  }
}

function shown(field, rowIndex) {
  return rowIndex === undefined ? undefined : field.display(field.values[rowIndex]);
}

function ofValue(display, raw, property = 'text') {
  if (!display) {
    return undefined;
  }
  const parts = { raw: raw ?? display.numeric, numeric: display.numeric };
  return String(property === 'text' ? formattedValueToString(display) : parts[property]);
}
