export default function NotFound() {
  return (
    <main className="mx-auto flex h-dvh max-w-[44rem] flex-col items-center justify-center gap-4 p-4 text-center">
      <h1 className="text-xl font-semibold">There is no such page.</h1>
      <p className="text-quiet">The conversation is on the first one.</p>
      {/* A whole load: the way out of a broken page must not depend on its scripts. */}
      <a href="/" className="rounded-full bg-accent px-6 py-3 font-semibold text-on-accent">
        Open it
      </a>
    </main>
  );
}
