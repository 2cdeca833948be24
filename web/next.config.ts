import type { NextConfig } from 'next';

/** Static files only: jex-web serves them, and adds the headers. */
const config: NextConfig = {
  output: 'export',
  reactStrictMode: true,
  // Screenshots and tests show the page, not the framework.
  devIndicators: false,
};

export default config;
