/**
 * Panels whose component is not in @grafana/ui: names, texts and colours are Grafana's own, the
 * drawing is not, and says so.
 */
import { formattedValueToString, getFieldDisplayName, getFieldSeriesColor } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';

const column = { flex: 1, display: 'flex', flexDirection: 'column', gap: 4 };

function Approximate({ children, width, height }) {
  const theme = useTheme2();
  const note = { ...theme.typography.bodySmall, color: theme.colors.text.disabled };
  return (
    <div style={{ width, height, display: 'flex', flexDirection: 'column', overflow: 'hidden' }}>
      {children}
      <div style={{ ...note, textAlign: 'right' }}>approximate drawing</div>
    </div>
  );
}

/** Horizontal bars per row, one per number; the first text (or time) names the row. */
export function BarChart({ series, options, theme, width, height }) {
  const [frame] = series;
  const names = frame.fields.find(({ name }) => name === options.xField) ?? frame.fields[0];
  const numbers = frame.fields.filter((field) => field.type === 'number' && field !== names);
  const most = Math.max(...numbers.flatMap((field) => [field.config.max ?? 0, ...field.values]));
  const line = { flex: 1, display: 'flex', alignItems: 'center', gap: 8, minHeight: 0 };
  const bar = (field, row) => {
    const display = field.display(field.values[row]);
    const byValue = field.config.color?.mode === 'thresholds';
    const background = byValue ? display.color : getFieldSeriesColor(field, theme).color;
    const share = Math.max(0, field.values[row] / most) || 0;
    return (
      <div key={field.name} style={line}>
        <div style={{ background, height: '80%', width: `${share * 70}%` }} />
        {formattedValueToString(display)} {getFieldDisplayName(field, frame, series)}
      </div>
    );
  };
  return (
    <Approximate width={width} height={height}>
      <div style={{ ...column, ...theme.typography.bodySmall, minHeight: 0 }}>
        {names.values.map((name, row) => (
          <div key={row} style={{ ...line, alignItems: 'stretch' }}>
            <div style={{ width: 140 }}>{formattedValueToString(names.display(name))}</div>
            <div style={column}>{numbers.map((field) => bar(field, row))}</div>
          </div>
        ))}
      </div>
    </Approximate>
  );
}

/** A bar of spans per field, each from its time to the next; the same text goes on. */
export function StateTimeline({ series, timeRange, theme, width, height }) {
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const place = (time) => `${(100 * (Math.min(Math.max(time, from), to) - from)) / (to - from)}%`;
  const rows = series.flatMap((frame) => {
    const times = frame.fields.find((field) => field.type === 'time').values;
    return frame.fields
      .filter((field) => field.type !== 'time')
      .map((field) => ({
        name: getFieldDisplayName(field, frame, series),
        spans: spansOf(field, times, to),
      }));
  });
  const span = { position: 'absolute', top: 0, bottom: 0, overflow: 'hidden', paddingLeft: 4 };
  return (
    <Approximate width={width} height={height}>
      <div style={column}>
        {rows.map(({ name, spans }) => (
          <div key={name} style={{ flex: 1, display: 'flex', alignItems: 'center', gap: 8 }}>
            <div style={{ width: 140 }}>{name}</div>
            <div style={{ flex: 1, height: '100%', position: 'relative' }}>
              {spans.map(({ start, end, text, color }) => (
                <div
                  key={start}
                  style={{
                    ...span,
                    left: place(start),
                    right: `calc(100% - ${place(end)})`,
                    background: color,
                    color: theme.colors.getContrastText(color),
                  }}
                >
                  {text}
                </div>
              ))}
            </div>
          </div>
        ))}
      </div>
    </Approximate>
  );
}

function spansOf(field, times, to) {
  const spans = [];
  field.values.forEach((value, row) => {
    const display = field.display(value);
    const text = formattedValueToString(display);
    const last = spans.at(-1);
    if (last?.text === text && last.end === times[row]) {
      last.end = times[row + 1] ?? to;
    } else if (value !== null) {
      const end = times[row + 1] ?? to;
      spans.push({ start: times[row], end, text, color: display.color });
    }
  });
  return spans;
}
