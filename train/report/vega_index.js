const vega = (() => {
  const {'vega-dataflow': dataflow, 'vega-transforms': transforms, 'vega-view-transforms': viewTransforms,
         'vega-encode': encode, 'vega-view': view, 'vega-parser': parser} = vegaModules;
  for (const module of [transforms, viewTransforms, encode]) Object.assign(dataflow.transforms, module);
  return {View: view.View, parse: parser.parse};
})();
