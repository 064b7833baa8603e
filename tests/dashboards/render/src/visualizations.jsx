/** Panels drawn by Grafana's own components, given what its panel plugins give them. */
import {
  FieldType,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  renderTextPanelMarkdown,
  textUtil,
} from '@grafana/data';
import {
  BarGauge,
  BigValue,
  DataLinksContextMenu,
  TimeSeries as GrafanaTimeSeries,
  ScrollContainer,
  VizRepeater,
  useTheme2,
} from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

/** Instead of a drawing, where there is nothing to draw. */
export function Empty({ fieldConfig, width, height }) {
  const theme = useTheme2();
  const style = { display: 'grid', placeItems: 'center', color: theme.colors.text.secondary };
  return <div style={{ ...style, width, height }}>{fieldConfig.defaults.noValue ?? 'No data'}</div>;
}

export function TimeSeries(props) {
  const { series, options, timeRange, timeZone, width, height } = props;
  const frames = series.filter((frame) =>
    [FieldType.time, FieldType.number].every((type) =>
      frame.fields.some((field) => field.type === type),
    ),
  );
  if (!frames.length) {
    throw new Error('a time series needs a time and a number');
  }
  return (
    <GrafanaTimeSeries
      frames={frames}
      options={options}
      legend={options.legend}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
    />
  );
}

/** Values one beside the other, each of them a link where it has one. */
function Values({ drawValue, sparkline = false, ...props }) {
  const { options, fieldConfig, series, replaceVariables, theme, timeZone } = props;
  const getValues = () =>
    getFieldDisplayValues({
      fieldConfig,
      reduceOptions: options.reduceOptions,
      replaceVariables,
      theme,
      data: series,
      sparkline,
      percentChange: options.showPercentChange,
      timeZone,
    });
  const renderValue = (place) => {
    const { hasLinks, getLinks } = place.value;
    return hasLinks ? (
      <DataLinksContextMenu links={getLinks}>
        {({ openMenu, targetClassName }) =>
          drawValue(place, { onClick: openMenu, className: targetClassName })
        }
      </DataLinksContextMenu>
    ) : (
      drawValue(place, {})
    );
  };
  return (
    <VizRepeater
      getValues={getValues}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={renderValue}
      renderCounter={0}
      source={series}
      orientation={options.orientation}
      {...props}
    />
  );
}

export function Stats(props) {
  const { options, theme, timeRange } = props;
  const drawValue = ({ value, alignmentFactors, width, height, count }, link) => (
    <BigValue
      value={value.display}
      count={count}
      sparkline={value.sparkline && { ...value.sparkline, timeRange }}
      colorMode={options.colorMode}
      graphMode={options.graphMode}
      justifyMode={options.justifyMode}
      textMode={options.textMode}
      text={options.text}
      disableWideLayout={!options.wideLayout}
      percentChangeColorMode={options.percentChangeColorMode}
      alignmentFactors={alignmentFactors}
      width={width}
      height={height}
      theme={theme}
      {...link}
    />
  );
  return (
    <Values
      {...props}
      drawValue={drawValue}
      sparkline={options.graphMode !== 'none'}
      autoGrid
      itemSpacing={3}
    />
  );
}

export function BarGauges(props) {
  const { options, theme } = props;
  const spacing = options.displayMode === 'lcd' ? 2 : 10;
  const drawValue = ({ value, alignmentFactors, orientation, width, height, count }, link) => (
    <BarGauge
      value={count === 1 && !value.field.displayName ? untitled(value.display) : value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex)}
      displayMode={options.displayMode}
      valueDisplayMode={options.valueMode}
      namePlacement={options.namePlacement}
      showUnfilled={options.showUnfilled}
      text={options.text}
      itemSpacing={spacing}
      lcdCellWidth={12}
      alignmentFactors={alignmentFactors}
      orientation={orientation}
      width={width}
      height={height}
      theme={theme}
      {...link}
    />
  );
  return (
    <Values
      {...props}
      drawValue={drawValue}
      itemSpacing={spacing}
      minVizWidth={options.minVizWidth}
      minVizHeight={options.minVizHeight}
      maxVizHeight={options.maxVizHeight}
    />
  );
}

function untitled(display) {
  return { ...display, title: undefined };
}

export function Table({ series, options, fieldConfig, timeRange, width, height }) {
  return (
    <TableNG
      data={series[options.frameIndex] ?? series[0]}
      fieldConfig={fieldConfig}
      noHeader={!options.showHeader}
      noValue={fieldConfig.defaults.noValue}
      sortBy={options.sortBy}
      cellHeight={options.cellHeight}
      enablePagination={options.enablePagination}
      maxRowHeight={options.maxRowHeight}
      frozenColumns={options.frozenColumns?.left}
      showTypeIcons={options.showTypeIcons}
      timeRange={timeRange}
      structureRev={1}
      enableVirtualization={false}
      getActions={() => []}
      width={width}
      height={height}
    />
  );
}

export function Text({ options, replaceVariables }) {
  const content = replaceVariables(options.content);
  const html =
    options.mode === 'html'
      ? textUtil.sanitizeTextPanelContent(content)
      : renderTextPanelMarkdown(content);
  return (
    <ScrollContainer>
      <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />
    </ScrollContainer>
  );
}
