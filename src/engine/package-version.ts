/** Version of the package, as peers and trackers are told. A test holds it equal to package.json. */
export const PACKAGE_VERSION = '0.1.0';
