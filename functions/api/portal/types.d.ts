// What the modules share: the API's answers, as far as the page reads them, and the shapes of views and elements.

export interface CallOptions {
  /** Sent as JSON. */
  body?: unknown;
  /** Refuses the change if there is another version by now. */
  etag?: string;
  signal?: AbortSignal;
}

export interface Webhook {
  id: string;
  name: string;
  url: string;
  events: string[];
  /** The values are masked. */
  headers: Record<string, string>;
  /** Empty: of all. */
  whatsapp_account_ids: string[];
  /** Null for no pace. */
  max_per_second: number | null;
  catch_up: boolean;
  catch_up_hours: number;
  test_address: boolean;
  status: 'active' | 'failing' | 'disabled';
  failing_since: string | null;
  failing_reason: string | null;
  failing_code: string | null;
  failing_event_id: string | null;
  disabled_at: string | null;
  /** Null if a person disabled it. */
  disabled_reason: string | null;
  previous_secret_expires_at: string | null;
  created_at: string;
  updated_at: string;
}

export interface Attempt {
  number: number;
  round: number;
  at: string;
  duration_ms: number;
  status_code: number | null;
  error: string | null;
  /** Null for attempts of before there were codes, too. */
  error_code: string | null;
  response_body: string | null;
  redirect_to: string | null;
}

export interface Delivery {
  event_id: string;
  event: string;
  test: boolean;
  status: 'pending' | 'retrying' | 'delivered' | 'failed' | 'cancelled';
  accepted_at: string;
  next_attempt_at: string | null;
  attempts: Attempt[];
  /** Of one that failed in an outage, whether it is resent automatically. */
  catch_up?: 'waiting' | 'given_up' | 'stopped' | 'too_old' | null;
  /** Only where one delivery is asked for. */
  payload?: unknown;
  /** The last attempt's; null before the first. */
  request?: SentRequest | null;
}

export interface SentRequest {
  url: string;
  /** Secret values are masked. */
  headers: Record<string, string>;
  body: string;
  /** The webhook was edited since: what it determines is as it is now. */
  edited_since: boolean;
}

/** By a test address. */
export interface ReceivedRequest {
  number: number;
  received_at: string;
  headers: Record<string, string>;
  body: string;
  /** The signature headers that verified. */
  verified: string[];
}

/** An event, and what became of it. */
export interface FoundEvent {
  id: string;
  event: string;
  accepted_at: string;
  webhooks: number | null;
  payload: { data?: { whatsapp_account_id?: any } };
  deliveries: {
    webhook_id: string;
    webhook_name: string;
    status: Delivery['status'];
    attempts: number;
    next_attempt_at: string | null;
    error: string | null;
  }[];
}

export interface Counts {
  delivered: number;
  failed: number;
  retried: number;
}

export interface Stats extends Counts {
  period: string;
  since: string;
  until: string;
  /** Whether the whole period was looked at. */
  complete: boolean;
  answer_ms: { p50: number; p95: number; p99: number } | null;
  buckets: (Counts & { since: string })[];
}

export interface EventType {
  name: string;
  description: string;
}

export interface FieldError {
  field: string;
  detail: string;
}

/** What the form sends. */
export interface WebhookValues {
  name: string;
  url: string;
  events: string[];
  whatsapp_account_ids: string[];
  /** Null removes one. */
  header_changes?: Record<string, string | null>;
  /** What is no number is refused by the server. */
  max_per_second: number | string | null;
  catch_up: boolean;
}

/** How far a webhook's catching up is. */
export interface CatchUp {
  state: 'none' | 'waiting' | 'sending' | 'done' | 'given_up' | 'stopped';
  failing_since: string | null;
  next_look_at: string | null;
  sent: number;
  total: number;
  ended_at: string | null;
}

export type Child = Node | string | number | null | undefined | false;
export type Children = Child | Child[];
type Handler = (event: any) => unknown;
export type Attributes = Record<string, string | number | boolean | null | undefined | Handler>;

type TagOf<What extends string> = What extends `${infer Tag}.${string}` ? Tag : What;
/** The element that `h(what)` makes: `ElementOf<'button.primary'>` is HTMLButtonElement. */
export type ElementOf<What extends string> = TagOf<What> extends keyof HTMLElementTagNameMap
  ? HTMLElementTagNameMap[TagOf<What>]
  : HTMLElement;

/** The line that says what came of an action. */
export type Outcome = HTMLElement & {
  say(...content: Child[]): void;
  fail(error: unknown, ...more: Child[]): void;
  clear(): void;
};

/** Fills `place`; `signal` is aborted when the reader leaves the view. */
export type View = (place: HTMLElement, signal: AbortSignal, ...ids: string[]) => void | Promise<void>;

export type TextField = HTMLElement & { input: HTMLInputElement };
export type EventsField = HTMLFieldSetElement & { chosen(): string[] };
export type HeadersField = HTMLFieldSetElement & {
  given(): Record<string, string | null> | undefined;
  /** Whether it asks now, and did not before. */
  askAgain(needed: boolean): boolean;
};

export type CheckField = HTMLElement & { input: HTMLInputElement };

export interface Fields {
  name: TextField;
  url: TextField;
  events: EventsField;
  accounts: TextField;
  headers: HeadersField;
  max_per_second: TextField;
  catch_up: CheckField;
}

export interface Filter {
  status: string;
  event: string;
  /** Times, RFC 3339 UTC. */
  since: string;
  until: string;
}
