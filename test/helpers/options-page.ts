/** The page of all tunables, made from `src/options.ts`: docs/options.md must be what this says. */
import { OPTIONS, flagName, type IntegerOption, type OptionName } from '../../src/options.js';

const HEAD = `# Options

Every tunable, with its default and its range. A value outside the range is refused with \`P2P_OPTION_INVALID\` (exit 2).
This page is made from \`src/options.ts\`; \`npm test\` fails when they differ, and \`npm run docs:options\` writes it again.
`;

const TAIL = `
Sizes are written \`16384\`, \`256K\`, \`1M\` (powers of 1024), rates \`500K\` or \`10M\` (bytes a second), durations
\`30s\`, \`500ms\`, \`2m\`; a bare number is seconds. Flags that belong to one command alone are explained by
\`p2p help COMMAND\`.
`;

/** docs/options.md, before Prettier aligned its table. */
export function optionsPage(): string {
  const names = Object.keys(OPTIONS) as OptionName[];
  const rows = names.map((name) => {
    const { default: standard, min, max, unit, doc }: IntegerOption = OPTIONS[name];
    return `| \`${flagName(name)}\` | ${standard} | ${min} to ${max} | ${unit} | ${doc} |`;
  });
  return [
    HEAD,
    '| flag | default | range | unit | what it does |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    TAIL,
  ].join('\n');
}

/** A page without what Prettier may change: spaces and dashes of tables. */
export function withoutLayout(page: string): string {
  return page
    .replace(/-{3,}/g, '---')
    .replace(/[ \t]+/g, ' ')
    .trim();
}
