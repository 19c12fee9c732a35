// Debian's libjs-vega has Vega's modules one by one, each wanting a CommonJS `require`; this joins them.
const vegaModules = {};
const vegaModule = (name, body) => {
  const module = {exports: {}};
  body(module.exports, module, wanted => vegaModules[wanted]);
  vegaModules[name] = module.exports;
};
