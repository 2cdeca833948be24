'use client';

import './globals.css';

/** The last resort: an error that no component caught. */
export default function GlobalError() {
  return (
    <html lang="en">
      <body>
        <main className="mx-auto flex h-dvh max-w-[44rem] flex-col items-center justify-center gap-4 p-4 text-center">
          <h1 className="text-xl font-semibold">This page stopped working.</h1>
          <p className="text-quiet">Load it again; the conversation begins anew.</p>
          <a href="/" className="rounded-full bg-accent px-6 py-3 font-semibold text-on-accent">
            Load again
          </a>
        </main>
      </body>
    </html>
  );
}
