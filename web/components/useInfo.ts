'use client';

import { useEffect, useState } from 'react';
import { isNotPaired, readInfo, type Info } from '@/server/api';

const AGAIN_MS = 5_000;

export interface Told {
  /** Name, model and where answers are made; `null` until the page's server has said. */
  info: Info | null;
  /** It says nothing to a browser that is not paired. */
  shutOut: boolean;
}

/** Asked again as a talk begins: that may be with another model. */
export function useInfo(talking: boolean): Told {
  const [told, setTold] = useState<Told>({ info: null, shutOut: false });

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const ask = () =>
      void readInfo()
        .then((info) => {
          if (!over) setTold({ info, shutOut: false });
        })
        .catch((error: unknown) => {
          if (over) return;
          if (isNotPaired(error)) setTold({ info: null, shutOut: true });
          else timer = setTimeout(ask, AGAIN_MS);
        });
    ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [talking]);

  return told;
}
