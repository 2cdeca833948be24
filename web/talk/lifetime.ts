/**
 * How long a LiveKit token is good for, in milliseconds; `null` where it does not say. A JSON Web Token (RFC 7519) in which
 * LiveKit sets `nbf`, when it was made, and `exp`, both by the server's clock: this page's may differ.
 */
export function lifetimeOf(token: string): number | null {
  const payload = token.split('.')[1];
  if (payload === undefined) return null;
  try {
    const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { nbf?: unknown; exp?: unknown };
    return typeof claims.nbf === 'number' && typeof claims.exp === 'number' ? 1_000 * (claims.exp - claims.nbf) : null;
  } catch {
    return null;
  }
}
