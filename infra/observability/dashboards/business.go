package dashboards

// business is what people and agents do. No series says who it was.
func business() board {
	return board{
		uid: "business", title: "Business",
		description: "What people enter, what agents find in it, and what people think of that.",
		rows: []row{
			{"People", []panel{
				{
					title: "Transactions in an hour", unit: count, kind: stacked,
					description: "Entered or imported, by kind.",
					queries:     []query{{sum("increase(transactions_total[1h])", "type"), "{{type}}"}},
				},
				{
					title: "Transactions in a day", unit: count, kind: numbers,
					description: "Entered or imported, by kind.",
					queries:     []query{{sum("increase(transactions_total[1d])", "type"), "{{type}}"}},
				},
				{
					title: "How they come in", unit: aSecond, kind: stacked, empty: "Nothing came in within the last minutes.",
					description: "Requests by the way they take: pages, programs, people's assistants.",
					queries:     []query{{sum(rate(`http_request_duration_seconds_count{service=~"web|backend|mcp"}`), "service"), "{{service}}"}},
				},
			}},
			{"What agents find", []panel{
				{
					title: "Insights in an hour, by detector", unit: count, kind: stacked, width: 12, empty: "No insight since the pods started.",
					description: "The ten that find most.",
					queries:     []query{{ten(sum("increase(insights_total[1h])", "detector")), "{{detector}}"}},
				},
				{
					title: "Insights in a day, by kind", unit: count, kind: stacked, width: 12, empty: "No insight since the pods started.",
					description: "What they are about.",
					queries:     []query{{sum("increase(insights_total[1d])", "type"), "{{type}}"}},
				},
			}},
			{"What people think of it", []panel{
				{
					title: "Dismissed in a day, by detector", unit: count, kind: stacked, empty: "Nobody has dismissed an insight since the pods started.",
					description: "A detector whose insights are dismissed more than others' finds what nobody needs.",
					queries:     []query{{ten(sum("increase(insights_dismissed_total[1d])", "detector")), "{{detector}}"}},
				},
				{
					title: "What they say of those", unit: count, kind: stacked, empty: "Nobody has dismissed an insight since the pods started.",
					description: "In a day.",
					queries:     []query{{sum("increase(insights_dismissed_total[1d])", "feedback"), "{{feedback}}"}},
				},
				{
					title: "Alerts in an hour", unit: count, kind: stacked,
					description: "By the way they take, and what became of them.",
					queries:     []query{{sum("increase(alerts_total[1h])", "channel", "status"), "{{channel}}: {{status}}"}},
				},
			}},
		},
	}
}
