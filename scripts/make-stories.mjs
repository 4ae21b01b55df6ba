/** Writes the story files into a folder: `node scripts/make-stories.mjs input`. */
import { loadStoryModule } from './story-module.mjs';

const [folder = 'input'] = process.argv.slice(2);
const { STORY_SIZES, writeStories } = await loadStoryModule();
for (const file of writeStories(folder, Object.keys(STORY_SIZES))) console.log(file);
