-- Of rates that are given twice, the caller leaves one.
-- name: PutRates :exec
INSERT INTO rates (user_id, base, quote, day, rate, updated_at)
SELECT @user_id, unnest(@bases::text[]), unnest(@quotes::text[]), unnest(@days::date[]), unnest(@rates::text[])::numeric, @updated_at
ON CONFLICT (user_id, base, quote, day) DO UPDATE SET rate = excluded.rate, updated_at = excluded.updated_at;

-- name: DeleteRate :execrows
DELETE FROM rates WHERE user_id = @user_id AND base = @base AND quote = @quote AND day = @day;

-- name: CountRates :one
SELECT count(*) FROM rates WHERE user_id = @user_id;

-- The latest day first.
-- name: Rates :many
SELECT * FROM rates
WHERE user_id = @user_id
    AND (sqlc.narg(base)::text IS NULL OR base = sqlc.narg(base)) AND (sqlc.narg(quote)::text IS NULL OR quote = sqlc.narg(quote))
    AND (sqlc.narg(before_day)::date IS NULL OR (day, base, quote) < (sqlc.narg(before_day), @before_base::text, @before_quote::text))
ORDER BY day DESC, base DESC, quote DESC LIMIT @most;

-- What converts amounts of the currencies on the days from since to until: the
-- rates of these days, and the last of each pair before. A common currency has
-- rates with the one and the other, so all that is needed names one of them.
-- name: RatesToConvert :many
SELECT base, quote, day, rate FROM rates
WHERE rates.user_id = @user_id AND (rates.base = ANY (@currencies::text[]) OR rates.quote = ANY (@currencies::text[]))
    AND rates.day <= @until AND rates.day >= coalesce(
        (SELECT max(earlier.day) FROM rates earlier
         WHERE earlier.user_id = @user_id AND earlier.base = rates.base AND earlier.quote = rates.quote AND earlier.day <= @since), @since)
ORDER BY day;
