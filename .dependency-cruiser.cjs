/**
 * The layer table of ARCHITECTURE.md as a check: a folder of `src/` imports only from layers below it and from itself.
 * Types count too, since a type that points upward ties two layers together just as well.
 */

/** Lowest first. Folders of one layer do not know each other. */
const LAYERS = [
  ['errors', 'units', 'options'],
  ['hashing', 'database'],
  ['metainfo'],
  ['protocol'],
  ['swarm'],
  ['workers', 'store', 'tracker', 'discovery', 'simulation'],
  ['engine'],
  ['cli', 'web'],
  ['commands'],
];

/** `src/swarm/…` as a pattern; layer 0 consists of files. */
const pathOf = (name) => (LAYERS[0].includes(name) ? `^src/${name}\\.ts$` : `^src/${name}/`);

/** The composition root: it names every command, so that a bundle can hold them all. */
const COMPOSITION_ROOT = '^src/cli/(main|command-map)\\.ts$';

const upwardRules = LAYERS.flatMap((layer, index) =>
  layer.map((name) => {
    const siblings = index === 0 ? [] : layer.filter((other) => other !== name);
    const above = LAYERS.slice(index + 1).flat();
    return {
      name: `layer-${name}`,
      comment: `${name} is of layer ${index}: it knows lower layers only.`,
      severity: 'error',
      from: { path: pathOf(name), pathNot: COMPOSITION_ROOT },
      to: { path: [...siblings, ...above].map(pathOf).concat('^test/', '^benchmarks/') },
    };
  }),
).filter(({ to }) => to.path.length > 0);

/** What each folder may take from Node and from packages; a folder that is not listed may take anything. */
const PACKAGES = [
  { folders: ['errors', 'units', 'options', 'protocol', 'swarm'], allowed: [], why: 'pure: bytes and numbers only' },
  { folders: ['metainfo'], allowed: ['^(node:)?crypto$'], why: 'pure: no files, no network' },
  { folders: ['simulation'], allowed: ['^(node:)?crypto$'], why: 'pure: the network is simulated' },
  {
    folders: ['commands'],
    allowed: ['^(node:)?(path|url|os)$', '(^|/)@oclif/'],
    why: 'thin: parse, call the engine, render',
  },
];

const packageRules = PACKAGES.flatMap(({ folders, allowed, why }) =>
  folders.map((folder) => ({
    name: `packages-of-${folder}`,
    comment: `${folder}: ${why}.`,
    severity: 'error',
    from: { path: pathOf(folder) },
    to: {
      dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
      ...(allowed.length > 0 && { pathNot: allowed }),
    },
  })),
);

/** Packages that one folder alone may touch. */
const OWNED_PACKAGES = [
  { owner: '^src/(database|store|tracker|workers)/', packages: '(^|/)better-sqlite3(/|$)' },
  { owner: '^src/workers/', packages: '(^|/)piscina(/|$)' },
  { owner: '^src/hashing/', packages: '(^|/)(@napi-rs/blake-hash|blake3-wasm)(/|$)' },
  { owner: '^src/discovery/', packages: '(^|/)bittorrent-dht(/|$)' },
  { owner: '^src/(cli|commands)/', packages: '(^|/)@oclif/' },
];

const ownedRules = OWNED_PACKAGES.map(({ owner, packages }) => ({
  name: 'owned-package',
  comment: `Only ${owner} knows ${packages}.`,
  severity: 'error',
  from: { path: '^src/', pathNot: owner },
  to: { path: packages },
}));

module.exports = {
  forbidden: [
    ...upwardRules,
    ...packageRules,
    ...ownedRules,
    {
      name: 'commands-know-the-engine',
      comment: 'A command parses, calls the engine and renders; what lies below the engine is not its business.',
      severity: 'error',
      from: { path: '^src/commands/' },
      to: { path: '^src/', pathNot: ['^src/(commands|cli|engine|web)/', ...LAYERS[0].map(pathOf)] },
    },
    {
      name: 'no-circular',
      comment: 'Two files that need each other are one, or lack a third.',
      severity: 'error',
      from: { path: '^(src|test|benchmarks)/' },
      to: { circular: true },
    },
    {
      name: 'not-resolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: { path: '^(src|test|benchmarks)/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-package-in-src',
      comment: 'What ships must not need a development dependency.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|build)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
