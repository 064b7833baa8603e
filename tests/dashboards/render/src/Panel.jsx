/** A panel: Grafana's frame around it, and in it what its type asks for. */
import { EventBusSrv } from '@grafana/data';
import { Icon, PanelChrome, PanelContextProvider, useTheme2 } from '@grafana/ui';
import { Component, useEffect, useState } from 'react';
import { BarChart, StateTimeline } from './approximations.jsx';
import { BarGauges, Empty, Stats, Table, Text, TimeSeries } from './visualizations.jsx';
import { prepare } from './prepare.js';

const DRAWN_BY = {
  barchart: BarChart,
  bargauge: BarGauges,
  stat: Stats,
  'state-timeline': StateTimeline,
  table: Table,
  text: Text,
  timeseries: TimeSeries,
};

// these say by themselves that there is nothing
const SAY_NO_VALUE = new Set(['bargauge', 'stat', 'text']);

const CONTEXT = { eventsScope: 'render', eventBus: new EventBusSrv() };

function complain(panel, error) {
  console.error(`panel ${panel.id} "${panel.title}": ${error.message}`);
}

class Boundary extends Component {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  componentDidCatch(error) {
    complain(this.props.panel, error);
  }

  render() {
    return this.state.failed ? null : this.props.children;
  }
}

/** What stands beside a title: that the panel has links, or a range of time of its own. */
function TitleItems({ panel }) {
  const theme = useTheme2();
  const style = { display: 'flex', gap: 4, alignItems: 'center', whiteSpace: 'nowrap' };
  const small = { ...theme.typography.bodySmall, color: theme.colors.text.secondary };
  return (
    <div style={{ ...style, ...small }}>
      {panel.links?.length ? <Icon name="external-link-alt" /> : null}
      {panel.timeFrom && !panel.hideTimeOverride ? (
        <>
          <Icon name="clock-nine" /> Last {panel.timeFrom}
        </>
      ) : null}
    </div>
  );
}

export function Panel({ panel, frames, page, width, height }) {
  const [prepared, setPrepared] = useState(null);
  useEffect(() => {
    prepare(panel, frames, page).then(setPrepared, (error) => complain(panel, error));
  }, [panel, frames, page]);
  const title = prepared?.title ?? panel.title;
  return (
    <PanelContextProvider value={CONTEXT}>
      <PanelChrome
        width={width}
        height={height}
        title={title}
        description={panel.description}
        displayMode={panel.transparent ? 'transparent' : 'default'}
        hoverHeader={!title && !panel.timeFrom}
        titleItems={<TitleItems panel={panel} />}
      >
        {(innerWidth, innerHeight) =>
          prepared && (
            <Boundary panel={panel}>
              <Content {...prepared} width={innerWidth} height={innerHeight} />
            </Boundary>
          )
        }
      </PanelChrome>
    </PanelContextProvider>
  );
}

function Content(props) {
  const { id, type, series } = props;
  const Drawn = DRAWN_BY[type];
  useEffect(() => console.info(`drawn: ${id}`), [id]);
  if (!SAY_NO_VALUE.has(type) && !series.some((frame) => frame.fields.length)) {
    return <Empty {...props} />;
  }
  return <Drawn {...props} />;
}
