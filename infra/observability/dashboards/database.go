package dashboards

import "github.com/wealth-companion/companion/infra/observability/rules"

// database is what services know of PostgreSQL, which is another's: their sessions, and the
// rows that are to go.
func database() board {
	return board{
		uid: rules.DatabaseDashboard, title: "Database",
		description: "The services' sessions with PostgreSQL, what is waited for them, and whether old rows go. What the server itself does its provider shows.",
		rows: []row{
			{"Sessions", []panel{
				{
					title: "Sessions, by service", unit: count, kind: stacked,
					description: "Of all pods. Together they are no more than companion:database.maxConnections.",
					queries:     []query{{sum("db_pool_sessions", "service"), "{{service}}"}},
				},
				{
					title: "Sessions in use", unit: count, kind: stacked,
					description: "That a request or an event works with.",
					queries:     []query{{sum(`db_pool_sessions{state="acquired"}`, "service"), "{{service}}"}},
				},
				{
					title: "Sessions that there may be", unit: count, kind: stacked,
					description: "Of the pods that there are.",
					queries:     []query{{sum("db_pool_max_sessions", "service"), "{{service}}"}},
				},
			}},
			{"Waiting", []panel{
				{
					title: "Sessions taken", unit: events,
					description: "By service: each request takes at least one.",
					queries:     []query{{sum(rate("db_pool_acquired_total"), "service"), "{{service}}"}},
				},
				{
					title: "Of them not there at once", unit: share, empty: "No session was taken within the last minutes.",
					description: "All were taken, or none was open yet. Much of it with slow requests: too few sessions, or slow statements that hold them.",
					queries:     []query{{shareOf(rate("db_pool_waits_total"), rate("db_pool_acquired_total"), "service"), "{{service}}"}},
				},
				{
					title: "How long is waited", unit: seconds, empty: "No session was taken within the last minutes.",
					description: "For each that is taken, on average.",
					queries:     []query{{sum(rate("db_pool_wait_seconds_total"), "service") + " / (" + sum(rate("db_pool_acquired_total"), "service") + " > 0)", "{{service}}"}},
				},
			}},
			{"Rows that are to go", []panel{
				{
					title: "Rows removed", unit: events, width: 12, empty: "Nothing was old enough since the pods started.",
					description: "For their age, by table.",
					queries:     []query{{ten(sum(rate("retention_removed_rows_total"), "service", "table")), "{{service}}.{{table}}"}},
				},
				{
					title: "How long the oldest is overdue", unit: seconds, width: 12, steps: []step{{86400, red}}, empty: "No table was looked at since the pods started.",
					description: "More than a day: RowsNotRemoved. The ten tables that are most behind.",
					queries:     []query{{ten(most("retention_overdue_seconds", "service", "table")), "{{service}}.{{table}}"}},
				},
			}},
		},
	}
}
