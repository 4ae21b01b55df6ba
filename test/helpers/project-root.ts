/** Where the project lies, seen from the compiled tests in `build/test/helpers`. */
import { fileURLToPath } from 'node:url';

/** The absolute path of the folder of package.json, with a slash at its end. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url));
