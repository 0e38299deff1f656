-- What the agents that observe keep of transactions.

-- Keeps those that are not known yet, and returns which these are. No wallet is the
-- nil UUID, and no amount at the other end is zero: an array's elements are not null.
-- name: KeepTransactions :many
INSERT INTO seen_transactions (id, user_id, original, type, category, refund, amount, currency, month, occurred_at, date, wallet_id, to_wallet_id, to_amount, description, merchant)
SELECT t.id, t.user_id, t.original::jsonb, t.type, t.category, t.refund, t.amount, t.currency, t.month, t.occurred_at, t.date, t.wallet_id,
    nullif(t.to_wallet_id, '00000000-0000-0000-0000-000000000000'), nullif(t.to_amount, 0), t.description, t.merchant
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@users::uuid[]) AS user_id, unnest(@originals::text[]) AS original, unnest(@types::text[]) AS type,
    unnest(@categories::text[]) AS category, unnest(@refunds::boolean[]) AS refund, unnest(@amounts::numeric[]) AS amount, unnest(@currencies::text[]) AS currency,
    unnest(@months::text[]) AS month, unnest(@occurred::timestamptz[]) AS occurred_at, unnest(@dates::date[]) AS date, unnest(@wallets::uuid[]) AS wallet_id,
    unnest(@to_wallets::uuid[]) AS to_wallet_id, unnest(@to_amounts::numeric[]) AS to_amount, unnest(@descriptions::text[]) AS description,
    unnest(@merchants::text[]) AS merchant) t
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: KeepChange :exec
INSERT INTO transaction_changes (event_id, transaction_id, user_id, changes, updated_at, version)
VALUES (@event_id, @transaction_id, @user_id, @changes, @updated_at, @version) ON CONFLICT DO NOTHING;

-- name: Transaction :one
SELECT * FROM seen_transactions WHERE id = @id;

-- In the order in which they were made: those from before versions first, by time.
-- name: ChangesOf :many
SELECT changes FROM transaction_changes WHERE transaction_id = @transaction_id ORDER BY version, updated_at, event_id;

-- name: Settle :exec
UPDATE seen_transactions SET type = @type, category = @category, refund = @refund, amount = @amount, currency = @currency, month = @month, occurred_at = @occurred_at, date = @date,
    wallet_id = @wallet_id, to_wallet_id = @to_wallet_id, to_amount = @to_amount, description = @description, merchant = @merchant, deleted = @deleted
WHERE id = @id;

-- The latest of a span of time, the newest first.
-- name: History :many
SELECT id, type, category, refund, amount, currency, occurred_at, date, wallet_id, to_wallet_id, to_amount, description, merchant
FROM seen_transactions
WHERE user_id = @user_id AND NOT deleted AND occurred_at >= @since AND occurred_at < @until
ORDER BY occurred_at DESC LIMIT @most;

-- Of each merchant that is asked for the latest, by the place of the question.
-- name: HistoryWith :many
SELECT asked.place::int AS place, t.id, t.type, t.category, t.refund, t.amount, t.currency, t.occurred_at, t.date, t.wallet_id, t.to_wallet_id, t.to_amount, t.description, t.merchant
FROM (SELECT generate_subscripts(@users::uuid[], 1) - 1 AS place, unnest(@users::uuid[]) AS user_id, unnest(@merchants::text[]) AS merchant,
    unnest(@since::timestamptz[]) AS since, unnest(@until::timestamptz[]) AS until) asked
CROSS JOIN LATERAL (
    SELECT * FROM seen_transactions s
    WHERE s.user_id = asked.user_id AND s.merchant = asked.merchant AND NOT s.deleted AND s.occurred_at >= asked.since AND s.occurred_at < asked.until
    ORDER BY s.occurred_at DESC LIMIT @most
) t;

-- Of each category that is asked for the latest expenses, by the place of the question.
-- name: ExpensesOn :many
SELECT asked.place::int AS place, t.id, t.amount, t.occurred_at, t.date, t.wallet_id, t.merchant
FROM (SELECT generate_subscripts(@users::uuid[], 1) - 1 AS place, unnest(@users::uuid[]) AS user_id, unnest(@categories::text[]) AS category,
    unnest(@currencies::text[]) AS currency, unnest(@since::timestamptz[]) AS since, unnest(@until::timestamptz[]) AS until) asked
CROSS JOIN LATERAL (
    SELECT * FROM seen_transactions s
    WHERE s.user_id = asked.user_id AND s.category = asked.category AND s.currency = asked.currency AND s.type = 'expense' AND NOT s.deleted
        AND s.occurred_at >= asked.since AND s.occurred_at < asked.until
    ORDER BY s.occurred_at DESC LIMIT @most
) t;

-- What is kept of a thing is what the last event says: of two with a version that
-- with the higher one, of others the later one (see package event).

-- Budgets.

-- name: KeepBudget :execrows
INSERT INTO budgets (id, user_id, category, amount, currency, month, threshold, rollover, deleted, changed_at, version)
VALUES (@id, @user_id, @category, @amount, @currency, @month, @threshold, @rollover, @deleted, @changed_at, @version)
ON CONFLICT (id) DO UPDATE SET category = excluded.category, amount = excluded.amount, currency = excluded.currency,
    month = excluded.month, threshold = excluded.threshold, rollover = excluded.rollover,
    deleted = excluded.deleted, changed_at = excluded.changed_at,
    version = greatest(budgets.version, excluded.version)
WHERE CASE WHEN excluded.version > 0 THEN excluded.version > budgets.version ELSE excluded.changed_at > budgets.changed_at END;

-- Budgets of months, by the place of the question, with what is spent of each and what
-- was said of them; and those of the months before from which they carry something
-- over, back to one that carries nothing, or to a gap. wanted tells the ones that were
-- asked for. An empty category or currency asks for all. The sums are asked for one by
-- one: a view that groups would be worked out for all users.
-- name: BudgetsOf :many
WITH RECURSIVE chain AS (
    SELECT asked.place::int AS place, true AS wanted, w.id, w.user_id, w.category, w.currency, w.month, w.amount, w.threshold, w.rollover
    FROM (SELECT generate_subscripts(@users::uuid[], 1) - 1 AS place, unnest(@users::uuid[]) AS user_id, unnest(@months::text[]) AS month,
        unnest(@categories::text[]) AS category, unnest(@currencies::text[]) AS currency) asked
    JOIN budgets w ON w.user_id = asked.user_id AND w.month = asked.month AND NOT w.deleted
        AND (asked.category = '' OR w.category = asked.category) AND (asked.currency = '' OR w.currency = asked.currency)
    UNION ALL
    SELECT c.place, false, e.id, e.user_id, e.category, e.currency, e.month, e.amount, e.threshold, e.rollover
    FROM chain c
    JOIN budgets e ON c.rollover AND e.user_id = c.user_id AND e.category = c.category AND e.currency = c.currency
        AND e.month = to_char(to_date(c.month, 'YYYY-MM') - interval '1 month', 'YYYY-MM') AND NOT e.deleted
)
SELECT b.place, b.wanted, b.id, b.category, b.currency, b.month, b.amount, b.threshold, b.rollover,
    (SELECT coalesce(sum(CASE WHEN t.refund THEN -t.amount ELSE t.amount END), 0) FROM seen_transactions t
     WHERE t.user_id = b.user_id AND t.category = b.category AND t.currency = b.currency AND t.month = b.month
         AND (t.type = 'expense' OR t.refund) AND NOT t.deleted)::numeric AS spent,
    ARRAY(SELECT r.kind || '|' || r.detail FROM raised r WHERE b.wanted AND r.subject = b.id)::text[] AS said
FROM chain b
ORDER BY b.place, b.category, b.currency, b.month, b.id;

-- Wallets and goals.

-- name: KeepWallet :exec
INSERT INTO wallets (id, user_id, name, type, currency, opening, deleted, changed_at, version)
VALUES (@id, @user_id, @name, @type, @currency, @opening, @deleted, @changed_at, @version)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type, currency = excluded.currency, opening = excluded.opening,
    deleted = excluded.deleted, changed_at = excluded.changed_at,
    version = greatest(wallets.version, excluded.version)
WHERE CASE WHEN excluded.version > 0 THEN excluded.version > wallets.version ELSE excluded.changed_at > wallets.changed_at END;

-- name: WalletsOf :many
SELECT w.id, w.name, w.type, w.currency, (w.opening + coalesce(sum(f.flow), 0))::numeric AS balance
FROM wallets w
LEFT JOIN (
    SELECT t.wallet_id AS wallet, CASE WHEN t.type = 'income' THEN t.amount ELSE -t.amount END AS flow
    FROM seen_transactions t WHERE t.user_id = @user_id AND NOT t.deleted
    UNION ALL
    SELECT a.to_wallet_id, coalesce(a.to_amount, a.amount)
    FROM seen_transactions a WHERE a.user_id = @user_id AND NOT a.deleted AND a.type = 'transfer' AND a.to_wallet_id IS NOT NULL
) f ON f.wallet = w.id
WHERE w.user_id = @user_id AND NOT w.deleted
GROUP BY w.id, w.name, w.type, w.currency, w.opening
ORDER BY w.id;

-- name: KeepGoal :exec
INSERT INTO goals (id, user_id, name, currency, target, saved, status, deadline, created_at, deleted, changed_at, version)
VALUES (@id, @user_id, @name, @currency, @target, @saved, @status, @deadline, @created_at, @deleted, @changed_at, @version)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, currency = excluded.currency, target = excluded.target, saved = excluded.saved,
    status = excluded.status, deadline = excluded.deadline, deleted = excluded.deleted, changed_at = excluded.changed_at,
    version = greatest(goals.version, excluded.version)
WHERE CASE WHEN excluded.version > 0 THEN excluded.version > goals.version ELSE excluded.changed_at > goals.changed_at END;

-- name: GoalsOf :many
SELECT id, name, currency, target, saved, deadline, created_at FROM goals
WHERE user_id = @user_id AND status = 'active' AND NOT deleted ORDER BY id;

-- name: KeepCategory :exec
INSERT INTO categories (id, user_id, slug, name, version, changed_at) VALUES (@id, @user_id, @slug, @name, @version, @changed_at)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, changed_at = excluded.changed_at, version = greatest(categories.version, excluded.version)
WHERE CASE WHEN excluded.version > 0 THEN excluded.version > categories.version ELSE excluded.changed_at > categories.changed_at END;

-- name: CategoryNames :many
SELECT slug, name FROM categories WHERE user_id = @user_id;

-- What users want, and what they think of what was said.

-- name: KeepPreferences :exec
INSERT INTO preferences (user_id, timezone, muted, phrasing, changed_at, version) VALUES (@user_id, @timezone, @muted, @phrasing, @changed_at, @version)
ON CONFLICT (user_id) DO UPDATE SET timezone = excluded.timezone, muted = excluded.muted, phrasing = excluded.phrasing, changed_at = excluded.changed_at,
    version = greatest(preferences.version, excluded.version)
WHERE CASE WHEN excluded.version > 0 THEN excluded.version > preferences.version ELSE excluded.changed_at > preferences.changed_at END;

-- name: PreferencesOf :one
SELECT muted, phrasing FROM preferences WHERE user_id = @user_id;

-- The last word on an insight counts, in whatever order the words come.
-- name: KeepDismissal :exec
INSERT INTO dismissals (insight_id, user_id, detector, feedback, dismissed_at)
VALUES (@insight_id, @user_id, @detector, @feedback, @dismissed_at)
ON CONFLICT (insight_id) DO UPDATE SET feedback = excluded.feedback, dismissed_at = excluded.dismissed_at
WHERE dismissals.dismissed_at < excluded.dismissed_at;

-- name: DismissalsOf :many
SELECT detector, feedback, count(*) FROM dismissals
WHERE user_id = @user_id AND dismissed_at > @since GROUP BY detector, feedback;

-- name: ForgetOldDismissals :exec
DELETE FROM dismissals WHERE user_id = @user_id AND dismissed_at <= @since;

-- What is said of a subject is said once.
-- name: Raise :execrows
INSERT INTO raised (subject, kind, detail, user_id, raised_at) VALUES (@subject, @kind, @detail, @user_id, @raised_at) ON CONFLICT DO NOTHING;

-- name: LastRaised :one
SELECT coalesce(max(raised_at), 'epoch')::timestamptz FROM raised WHERE user_id = @user_id AND kind = @kind;

-- Reviews.

-- name: WantReview :exec
INSERT INTO reviews (user_id, due_at, backfilled) VALUES (@user_id, @due_at, @backfilled)
ON CONFLICT (user_id) DO UPDATE SET due_at = least(reviews.due_at, excluded.due_at), backfilled = reviews.backfilled OR excluded.backfilled
WHERE reviews.due_at > excluded.due_at OR excluded.backfilled AND NOT reviews.backfilled;

-- name: DueReviews :many
SELECT user_id FROM reviews WHERE due_at <= @now ORDER BY due_at, user_id LIMIT @most;

-- name: ReviewOf :one
SELECT due_at, reviewed_at, backfilled FROM reviews WHERE user_id = @user_id;

-- name: Reviewed :exec
UPDATE reviews SET reviewed_at = @reviewed_at, due_at = @due_at, backfilled = false WHERE user_id = @user_id;

-- name: KeepWording :exec
UPDATE reviews SET wording = @wording WHERE user_id = @user_id;

-- The latest descriptions, and the merchants that were read out of them.
-- name: Descriptions :many
SELECT description, merchant, count(*) AS times FROM seen_transactions
WHERE user_id = @user_id AND NOT deleted AND description <> '' AND occurred_at >= @since
GROUP BY description, merchant ORDER BY max(occurred_at) DESC, description LIMIT @most;

-- name: RenameMerchants :exec
UPDATE seen_transactions s SET merchant = renamed.merchant
FROM (SELECT unnest(@descriptions::text[]) AS description, unnest(@merchants::text[]) AS merchant) renamed
WHERE s.user_id = @user_id AND s.description = renamed.description AND s.merchant <> renamed.merchant;

-- name: PostponeReview :exec
UPDATE reviews SET due_at = @due_at WHERE user_id = @user_id;

-- name: ReviewBy :exec
UPDATE reviews SET due_at = @latest WHERE due_at > @latest;

-- Insights that wait for words.

-- name: Hold :exec
INSERT INTO unphrased (event_id, user_id, event) VALUES (@event_id, @user_id, @event);

-- name: TakeHeld :many
UPDATE unphrased SET taken_at = @now::timestamptz
WHERE event_id IN (
    SELECT waiting.event_id FROM unphrased AS waiting WHERE waiting.taken_at IS NULL OR waiting.taken_at < @stale::timestamptz
    ORDER BY waiting.event_id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING event_id, user_id, event;

-- name: Release :execrows
DELETE FROM unphrased WHERE event_id = @event_id;

-- Users who are gone.

-- Whether a user is gone, and the time zone and the banks' wording of one who is not.
-- name: Person :one
SELECT EXISTS (SELECT FROM gone WHERE gone.user_id = @user_id) AS gone,
    coalesce((SELECT timezone FROM preferences WHERE preferences.user_id = @user_id), 'UTC')::text AS timezone,
    coalesce((SELECT wording FROM reviews WHERE reviews.user_id = @user_id), '{}')::jsonb AS wording;

-- name: Leave :exec
INSERT INTO gone (user_id, deleted_at) VALUES (@user_id, @deleted_at) ON CONFLICT DO NOTHING;
