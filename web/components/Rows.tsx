/** Names and values, small, beside a line. */
export function Rows({ rows }: { rows: readonly (readonly [label: string, value: string])[] }) {
  return (
    <dl className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-1 border-l border-line py-1 pl-4">
      {rows.map(([label, value], index) => (
        <div key={`${index} ${label}`} className="col-span-2 grid grid-cols-subgrid">
          <dt>{label}</dt>
          <dd className="max-w-52 text-right break-words whitespace-pre-wrap text-ink tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
