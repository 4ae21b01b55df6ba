import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { STORY_SIZES, storyBytes, type StoryName } from '../helpers/story.js';

const NAMES = Object.keys(STORY_SIZES) as StoryName[];

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('story files', () => {
  it('have the size that they promise', () => {
    const sizes = NAMES.map((name) => storyBytes(name).length);

    expect(sizes).to.deep.equal(Object.values(STORY_SIZES));
  });

  it('are the same for the same seed, and others for another', () => {
    expect(sha256(storyBytes('short_story.txt', 7))).to.equal(sha256(storyBytes('short_story.txt', 7)));
    expect(sha256(storyBytes('short_story.txt', 7))).not.to.equal(sha256(storyBytes('short_story.txt', 8)));
  });

  it('are valid UTF-8 whatever the seed', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true });

    for (let seed = 0; seed < 200; seed += 1) {
      expect(() => decoder.decode(storyBytes('short_story.txt', seed)), `seed ${seed}`).not.to.throw();
    }
  });

  it('have pieces that differ, so that a piece in the wrong place is noticed', () => {
    const bytes = storyBytes('short_story_10x.txt');
    const pieces = Array.from({ length: Math.floor(bytes.length / 128) }, (_, index) =>
      sha256(bytes.subarray(index * 128, (index + 1) * 128)),
    );

    expect(new Set(pieces).size).to.equal(pieces.length);
  });
});
