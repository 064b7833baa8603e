/** The grid of a dashboard, in the measures of Grafana: 24 columns, rows of 30 px, gaps of 8 px. */
import { Icon, useTheme2 } from '@grafana/ui';
import { Panel } from './Panel.jsx';
import { panelsOf } from './prepare.js';

const WIDTH = 1384;
const TOP = 48;
const CELL = { width: (WIDTH + 8) / 24, height: 38 };

function Placed({ at, children }) {
  const style = {
    position: 'absolute',
    left: 8 + at.x * CELL.width,
    top: TOP + at.y * CELL.height,
    width: at.w * CELL.width - 8,
    height: at.h * CELL.height - 8,
  };
  return <div style={style}>{children(style.width, style.height)}</div>;
}

function Row({ row }) {
  const theme = useTheme2();
  const hidden = row.collapsed && row.panels?.length;
  const style = { display: 'flex', gap: 6, alignItems: 'center', ...theme.typography.h5 };
  return (
    <div style={style}>
      <Icon name={row.collapsed ? 'angle-right' : 'angle-down'} />
      {row.title}
      {hidden ? (
        <span style={{ color: theme.colors.text.secondary, ...theme.typography.bodySmall }}>
          ({hidden} {hidden === 1 ? 'panel' : 'panels'})
        </span>
      ) : null}
    </div>
  );
}

export function Dashboard({ dashboard, frames, page }) {
  const rows = dashboard.panels.filter((panel) => panel.type === 'row');
  return (
    <>
      <h1 style={{ position: 'absolute', left: 16, top: 12, ...page.theme.typography.h4 }}>
        {dashboard.title}
      </h1>
      {rows.map((row) => (
        <Placed key={row.id} at={row.gridPos}>
          {() => <Row row={row} />}
        </Placed>
      ))}
      {panelsOf(dashboard).map((panel) => (
        <Placed key={panel.id} at={panel.gridPos}>
          {(width, height) => (
            <Panel
              panel={panel}
              frames={frames[panel.id]}
              page={page}
              width={width}
              height={height}
            />
          )}
        </Placed>
      ))}
    </>
  );
}
