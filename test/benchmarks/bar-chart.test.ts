import { expect } from 'chai';
import { renderBarChart } from '../../benchmarks/shared/bar-chart.js';

const SPEC = { name: 'transfer', title: 'a & b', figure: 'wallSeconds', unit: 's' } as const;

/** The width of each bar, in order. */
function barWidths(svg: string): number[] {
  return [...svg.matchAll(/<rect class="(?:ours|other)"[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));
}

describe('renderBarChart', () => {
  it('draws bars as long as the medians, on one scale that holds every whisker', () => {
    const svg = renderBarChart(SPEC, [
      { case: 'one', client: 'p2p', wallSeconds: { median: 1, min: 0.5, max: 1.5 } },
      { case: 'two', client: 'aria2', wallSeconds: { median: 2, min: 2, max: 4 } },
    ]);

    expect(barWidths(svg)).to.deep.equal([97.5, 195]);
    expect(svg).to.include('1 s (0.5 to 1.5)').and.include('2 s (2 to 4)');
    expect(svg.match(/class="whisker"/g)).to.have.length(2);
  });

  it('gives each case a scale of its own when it is asked to', () => {
    const rows = [
      { case: 'one', wallSeconds: 1 },
      { case: 'two', wallSeconds: 100 },
    ];

    expect(barWidths(renderBarChart({ ...SPEC, isScaledByCase: true }, rows))).to.deep.equal([390, 390]);
  });

  it('has no whisker where nothing varied, and marks the bound', () => {
    const spec = { ...SPEC, bound: { figure: 'boundSeconds', label: 'the bound' } };
    const svg = renderBarChart(spec, [{ case: 'one', client: 'p2p', wallSeconds: 4, boundSeconds: 2 }]);

    expect(svg).not.to.include('class="whisker"');
    expect(svg).to.include('<path class="bound" d="M395.0 ').and.include('the bound');
  });

  it('tells ours from others', () => {
    const svg = renderBarChart(SPEC, [
      { case: 'one', client: 'libtorrent from p2p', wallSeconds: 1 },
      { case: 'one', client: 'p2p from libtorrent', wallSeconds: 1 },
    ]);

    expect([...svg.matchAll(/<rect class="(ours|other)"/g)].map(([, name]) => name)).to.deep.equal(['other', 'ours']);
  });

  it('shows the note of a row without the figure, and leaves out cases without any', () => {
    const svg = renderBarChart(SPEC, [
      { case: 'one', client: 'rtorrent', note: 'not installed' },
      { case: 'one', client: 'p2p', wallSeconds: 1 },
      { case: 'one', client: 'nobody', memory: 1 },
      { case: 'two', client: 'opentracker', note: 'not measured' },
    ]);

    expect(svg).to.include('not installed').and.not.include('nobody').and.not.include('two');
  });

  it('escapes what it is given, and stays a chart without rows', () => {
    const svg = renderBarChart(SPEC, [{ case: '<one>', client: '"x"', wallSeconds: 0 }]);

    expect(svg).to.include('a &amp; b').and.include('&lt;one&gt;').and.include('&quot;x&quot;');
    expect(barWidths(svg)).to.deep.equal([0]);
    expect(renderBarChart(SPEC, [])).to.match(/^<svg [\s\S]*<\/svg>\n$/);
  });
});
