'use client';

import { useEffect, useState } from 'react';
import { readInfo, type Info } from '@/server/api';

const AGAIN_MS = 5_000;

/** Name, model and where answers are made; `null` until the page's server has said. A talk may begin with another model. */
export function useInfo(talking: boolean): Info | null {
  const [info, setInfo] = useState<Info | null>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const ask = () =>
      void readInfo()
        .then((found) => {
          if (!over) setInfo(found);
        })
        .catch(() => {
          if (!over) timer = setTimeout(ask, AGAIN_MS);
        });
    ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [talking]);

  return info;
}
