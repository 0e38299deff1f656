-- name: KeepLetter :exec
INSERT INTO letters (id, user_id, email, kind, link, expires_at, due_at)
VALUES (@id, @user_id, @email, @kind, @link, @expires_at, @due_at)
ON CONFLICT DO NOTHING;

-- The letter that has been due for longest, taken for a while: should the process
-- that takes it die, it is due again then.
-- name: TakeLetter :one
UPDATE letters SET due_at = @again_at::timestamptz, attempts = letters.attempts + 1
WHERE letters.id = (
    SELECT waiting.id FROM letters AS waiting WHERE waiting.due_at <= @now::timestamptz
    ORDER BY waiting.due_at, waiting.id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING *;

-- name: PostponeLetter :exec
UPDATE letters SET due_at = @due_at WHERE id = @id;

-- name: DropLetter :exec
DELETE FROM letters WHERE id = @id;

-- name: ForgetLetters :exec
DELETE FROM letters WHERE user_id = @user_id;
