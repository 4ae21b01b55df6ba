/**
 * The rules of CONTRIBUTING.md that a machine can check. Layout is Prettier's alone; import directions stand in
 * `.dependency-cruiser.cjs`.
 */
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Mistakes that no type can show. */
const correctness = {
  eqeqeq: 'error',
  'no-cond-assign': 'error',
  'no-constant-binary-expression': 'error',
  'no-control-regex': 'off',
  'no-debugger': 'error',
  'no-empty': 'error',
  'no-else-return': 'error',
  'no-fallthrough': 'error',
  'no-lonely-if': 'error',
  'no-param-reassign': 'error',
  'no-self-compare': 'error',
  'no-sparse-arrays': 'error',
  'no-unmodified-loop-condition': 'error',
  'no-unneeded-ternary': 'error',
  'no-unsafe-finally': 'error',
  'no-useless-escape': 'error',
  'no-useless-rename': 'error',
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
  'prefer-object-spread': 'error',
};

const typed = {
  '@typescript-eslint/consistent-type-imports': 'error',
  '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
  '@typescript-eslint/no-import-type-side-effects': 'error',
  '@typescript-eslint/no-unused-vars': [
    'error',
    { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all', caughtErrorsIgnorePattern: '^_' },
  ],
  '@typescript-eslint/prefer-readonly': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  '@typescript-eslint/naming-convention': [
    'error',
    { selector: 'typeLike', format: ['PascalCase'] },
    { selector: ['function', 'classMethod', 'parameter'], format: ['camelCase'], leadingUnderscore: 'allow' },
    { selector: 'variable', format: ['camelCase', 'PascalCase', 'UPPER_CASE'], leadingUnderscore: 'allow' },
  ],
  // Numbers and booleans print well; the rest of the rule stays.
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  '@typescript-eslint/no-confusing-void-expression': [
    'error',
    { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
  ],
  '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
  '@typescript-eslint/no-invalid-void-type': 'off',
  '@typescript-eslint/require-await': 'off',
  '@typescript-eslint/unified-signatures': 'off',
};

/** Shapes of code that this project does not use. */
const bannedSyntax = [
  { selector: 'TSEnumDeclaration', message: 'No enums: a union of strings, or an object `as const`.' },
  { selector: 'TSParameterProperty', message: 'No parameter properties: private state is `#field`.' },
  {
    selector: ':matches(PropertyDefinition, MethodDefinition)[accessibility="private"]',
    message: 'Private state is `#field`.',
  },
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
];

const bannedInPureCode = [
  { selector: ':function[async=true]', message: 'Pure code takes events and gives answers: no promises.' },
  { selector: 'AwaitExpression', message: 'Pure code takes events and gives answers: no promises.' },
  { selector: 'ImportExpression', message: 'Pure code loads nothing at run time.' },
];

const clocksAndChance = [
  ...['Date', 'performance'].map((name) => ({ name, message: 'Time is an argument: `nowMs`.' })),
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => ({
    name,
    message: 'No timers: say when to wake up next.',
  })),
  ...['process', 'console'].map((name) => ({ name, message: 'Pure code knows neither process nor terminal.' })),
  { name: 'Promise', message: 'Pure code takes events and gives answers: no promises.' },
  { name: 'Buffer', message: 'Bytes are `Uint8Array`.' },
  { name: 'crypto', message: 'Chance is an argument: a seeded generator.' },
];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'build/',
      'node_modules/',
      'output/',
      'input/',
      'coverage/',
      'benchmarks/results/',
      'examples/*/dist/',
    ],
  },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'benchmarks/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, prettier],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { ...correctness, ...typed, 'no-restricted-syntax': ['error', ...bannedSyntax] },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'max-depth': ['error', 4],
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/max-params': ['error', { max: 4 }],
    },
  },
  {
    // oclif finds a command by the default export of its file.
    files: ['src/commands/**/*.ts', 'src/workers/worker-main.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...bannedSyntax.filter(({ selector }) => selector !== 'ExportDefaultDeclaration'),
      ],
    },
  },
  { files: ['src/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['src/swarm/**/*.ts', 'src/protocol/**/*.ts', 'src/metainfo/**/*.ts', 'src/simulation/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...clocksAndChance],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Chance is an argument: `random: () => number`.' },
      ],
      'no-restricted-syntax': ['error', ...bannedSyntax, ...bannedInPureCode],
    },
  },
  {
    // chai's assertions are expressions, builders take shortcuts, and a hostile peer has to break rules.
    files: ['test/**/*.ts', 'benchmarks/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'off',
      '@typescript-eslint/unbound-method': 'off',
      'no-unmodified-loop-condition': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    extends: [tseslint.configs.base, prettier],
    rules: correctness,
  },
);
