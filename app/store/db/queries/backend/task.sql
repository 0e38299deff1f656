-- name: InsertTask :exec
INSERT INTO tasks (id, user_id, title, notes, due, remind_at, created_at, updated_at)
VALUES (@id, @user_id, @title, @notes, @due, @remind_at, @created_at, @created_at);

-- name: Task :one
SELECT * FROM tasks WHERE id = @id AND user_id = @user_id;

-- name: TaskForUpdate :one
SELECT * FROM tasks WHERE id = @id AND user_id = @user_id FOR UPDATE;

-- name: UpdateTask :exec
UPDATE tasks SET title = @title, notes = @notes, due = @due, remind_at = @remind_at, reminded_at = @reminded_at, done_at = @done_at, updated_at = @updated_at
WHERE id = @id;

-- name: DeleteTask :execrows
DELETE FROM tasks WHERE id = @id AND user_id = @user_id;

-- Newest first. done: null for all of them.
-- name: Tasks :many
SELECT * FROM tasks
WHERE user_id = @user_id
    AND (sqlc.narg(done)::boolean IS NULL OR (done_at IS NOT NULL) = sqlc.narg(done))
    AND (sqlc.narg(before_at)::timestamptz IS NULL OR (created_at, id) < (sqlc.narg(before_at), sqlc.narg(before_id)::uuid))
ORDER BY created_at DESC, id DESC LIMIT @most;

-- What is to be done and has a time, the nearest first: what is due up to a day of the
-- person's calendar, and what they want to be reminded of before that day ends. A day
-- and a time are compared by the person's clock, ahead of UTC by some seconds.
-- name: UpcomingTasks :many
SELECT * FROM tasks
WHERE user_id = @user_id AND done_at IS NULL AND (due IS NOT NULL OR remind_at IS NOT NULL)
    AND (due <= @last_day::date OR due IS NULL AND remind_at < @until::timestamptz)
ORDER BY coalesce(due::timestamp, (remind_at AT TIME ZONE 'UTC') + make_interval(secs => @ahead::int)), id LIMIT @most;

-- name: SetReminder :exec
INSERT INTO reminders (task_id, user_id, at) VALUES (@task_id, @user_id, @at)
ON CONFLICT (task_id) DO UPDATE SET at = excluded.at;

-- name: DropReminder :exec
DELETE FROM reminders WHERE task_id = @task_id;

-- name: DueReminders :many
SELECT task_id, user_id FROM reminders WHERE at <= @now ORDER BY at LIMIT @most;

-- name: PostponeReminder :exec
UPDATE reminders SET at = @at WHERE task_id = @task_id;
