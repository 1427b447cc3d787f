/**
 * One way to speak to the server: same origin, session cookie, JSON.
 *
 * Throws ApiError when the server answered with an error, UnreachableError when it did not answer at all.
 */

/** A request that takes longer than this is given up; a panel that hangs says less than one that tells. */
const TIMEOUT_MS = 20_000

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy: string,
  ) {
    super(message)
  }
}

export class UnreachableError extends Error {}

export interface Options {
  /** A list is the same parameter several times. */
  query?: Record<string, string | number | readonly string[]>
  body?: unknown
  signal?: AbortSignal
}

let csrfToken = ''

/** What the server wants to see in every request that changes something; empty when nobody is signed in. */
export function setCsrfToken(token: string): void {
  csrfToken = token
}

let offsetMs = 0

/**
 * The server's time, in milliseconds since the epoch: it stamps the samples, and the clock of the machine that shows
 * them may be minutes off. Learned from the Date header of its answers; before the first one it is the local time.
 */
export function serverNowMs(): number {
  return Date.now() + offsetMs
}

/** How far the local clock is off; differences within the header's resolution and the way here count as none. */
export function clockOffsetMs(dateHeader: string | null, localMs: number): number {
  const serverMs = dateHeader ? Date.parse(dateHeader) : Number.NaN
  if (Number.isNaN(serverMs)) return 0
  const differenceMs = serverMs - localMs
  return Math.abs(differenceMs) > 3_000 ? differenceMs : 0
}

export async function request<T>(method: 'GET' | 'POST' | 'DELETE', path: string, options: Options = {}): Promise<T> {
  const response = await send(method, path, options)
  offsetMs = clockOffsetMs(response.headers.get('date'), Date.now())
  const text = await response.text().catch((error: unknown) => {
    throw new UnreachableError(String(error))
  })
  const body = parse(text)
  if (!response.ok) throw errorOf(response.status, body)
  return body as T
}

async function send(method: string, path: string, options: Options): Promise<Response> {
  const query = Object.entries(options.query ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)]),
  )
  const url = query.length ? `${path}?${new URLSearchParams(query)}` : path
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    headers: {
      accept: 'application/json',
      ...(method !== 'GET' && csrfToken ? { 'x-csrf-token': csrfToken } : {}),
    },
    signal: options.signal ? anyOf(options.signal, timeout) : timeout,
  }
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body)
    init.headers = { ...init.headers, 'content-type': 'application/json' }
  }
  try {
    return await fetch(url, init)
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new UnreachableError(error instanceof Error ? error.message : String(error))
  }
}

/** AbortSignal.any, which browsers of 2023 do not have. */
function anyOf(...signals: AbortSignal[]): AbortSignal {
  const controller = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason)
    signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true })
  }
  return controller.signal
}

function parse(text: string): unknown {
  if (!text) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/**
 * Reads every shape of error there is: our own `{error: {code, message, remedy}}`, Prometheus' `{errorType, error}`, and
 * Alertmanager's, which is a text or `{code, message}`.
 */
export function errorOf(status: number, body: unknown): ApiError {
  if (typeof body === 'string' && body) return new ApiError(status, '', body, '')
  const record = (body ?? {}) as { error?: unknown; errorType?: unknown; message?: unknown }
  if (typeof record.error === 'string') return new ApiError(status, String(record.errorType ?? ''), record.error, '')
  const own = (record.error ?? record) as { code?: unknown; message?: unknown; remedy?: unknown }
  const message = typeof own.message === 'string' ? own.message : `HTTP ${status}`
  return new ApiError(status, String(own.code ?? ''), message, typeof own.remedy === 'string' ? own.remedy : '')
}
