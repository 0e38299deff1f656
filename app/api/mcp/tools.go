package mcp

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/wealth-companion/companion/app/core/money"
)

type nothing struct{}

type period struct {
	From     string `json:"from,omitempty" jsonschema:"first day, YYYY-MM-DD; without it the first of the last day's month"`
	To       string `json:"to,omitempty" jsonschema:"last day, YYYY-MM-DD; without it today"`
	Currency string `json:"currency,omitempty" jsonschema:"ISO 4217 code that totals are converted into, where the person has entered rates"`
}

func (p period) query() url.Values {
	return filled(map[string]string{"from": p.From, "to": p.To, "currency": p.Currency})
}

// filled leaves out what is empty.
func filled(values map[string]string) url.Values {
	query := url.Values{}
	for name, value := range values {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

type spending struct {
	period
	Months int `json:"months,omitempty" jsonschema:"months of the trend, 1 to 60; 12 without it"`
}

type investment struct {
	Initial        string `json:"initial,omitempty" jsonschema:"what is invested at once, a decimal string such as 1000.00"`
	Monthly        string `json:"monthly,omitempty" jsonschema:"what is added each month, a decimal string"`
	Months         int    `json:"months" jsonschema:"for how long, 1 to 720 months"`
	ExpectedReturn string `json:"expectedReturn,omitempty" jsonschema:"percent a year, a decimal string; 6 without it"`
	Fee            string `json:"fee,omitempty" jsonschema:"percent a year, taken off the return"`
	Inflation      string `json:"inflation,omitempty" jsonschema:"percent a year, to see values in the money of today"`
}

type newBudget struct {
	Confirmable
	Category string `json:"category" jsonschema:"the slug of a category (list_categories)"`
	Amount   string `json:"amount" jsonschema:"a decimal string such as 400.00"`
	Currency string `json:"currency" jsonschema:"ISO 4217"`
	Month    string `json:"month" jsonschema:"YYYY-MM"`
}

type newTransaction struct {
	Confirmable
	WalletID    string `json:"walletId" jsonschema:"the id of a wallet (list_wallets)"`
	Amount      string `json:"amount" jsonschema:"more than zero, a decimal string such as 12.50, in the wallet's currency"`
	Type        string `json:"type" jsonschema:"income or expense"`
	Category    string `json:"category" jsonschema:"the slug of a category (list_categories)"`
	Description string `json:"description,omitempty" jsonschema:"at most 500 characters"`
	Timestamp   string `json:"timestamp,omitempty" jsonschema:"when it happened, RFC 3339 in UTC; without it, now"`
}

type tasks struct {
	State string `json:"state,omitempty" jsonschema:"open, done or all; all without it"`
}

type newTask struct {
	Confirmable
	Title    string `json:"title" jsonschema:"at most 200 characters"`
	Due      string `json:"due,omitempty" jsonschema:"YYYY-MM-DD"`
	RemindAt string `json:"remindAt,omitempty" jsonschema:"RFC 3339, UTC"`
}

type editTask struct {
	Confirmable
	ID       string `json:"id" jsonschema:"the id of a task (list_tasks)"`
	Title    string `json:"title,omitempty"`
	Due      string `json:"due,omitempty" jsonschema:"YYYY-MM-DD"`
	RemindAt string `json:"remindAt,omitempty" jsonschema:"RFC 3339, UTC"`
}

type oneTask struct {
	Confirmable
	ID string `json:"id" jsonschema:"the id of a task (list_tasks)"`
}

func get(path string, query url.Values) call {
	return call{method: http.MethodGet, path: path, query: query}
}

func only(c call) ([]named, error) { return []named{{"", c}}, nil }

func listed(path string) func(nothing) ([]named, error) {
	return func(nothing) ([]named, error) { return only(get(path, nil)) }
}

// addTools adds every tool that the requirements name, and those by which an
// assistant finds the ids and slugs that others take.
func (s *Server) addTools(to *mcp.Server) {
	reading(s, to, "get_financial_summary", "Financial summary",
		"Income, expenses, what is left and the savings rate of a period, by currency.",
		func(in period) ([]named, error) { return only(get("summaries/financial", in.query())) })
	reading(s, to, "analyze_spending", "Spending",
		"What was spent on each category in a period, and how it went month by month.",
		func(in spending) ([]named, error) {
			months := ""
			if in.Months != 0 {
				months = fmt.Sprint(in.Months)
			}
			return []named{
				{"categories", get("summaries/categories", in.query())},
				{"trends", get("summaries/trends", filled(map[string]string{"months": months, "currency": in.Currency}))},
			}, nil
		})
	reading(s, to, "get_health_score", "Health score",
		"How healthy the person's finances are, 0 to 100, with each part explained.", listed("health-score"))
	reading(s, to, "get_dashboard_metrics", "Dashboard",
		"Balances, this month against the last, budgets, goals, reminders and the newest insights.", listed("dashboard"))
	reading(s, to, "simulate_investment", "Investment simulation",
		"What an investment might come to, in three scenarios. A calculation, not advice; pass its disclaimer on.",
		func(in investment) ([]named, error) {
			return only(call{method: http.MethodPost, path: "simulations/investment", body: in})
		})
	reading(s, to, "list_wallets", "Wallets", "The person's wallets with their ids and currencies.", listed("wallets"))
	reading(s, to, "list_categories", "Categories", "The person's categories with their slugs.", listed("categories"))
	reading(s, to, "list_budgets", "Budgets", "The person's budgets.", listed("budgets"))
	reading(s, to, "list_goals", "Goals", "The person's savings goals and their pace.", listed("goals"))
	reading(s, to, "list_tasks", "Tasks", "The person's tasks and reminders.",
		func(in tasks) ([]named, error) {
			return only(get("tasks", filled(map[string]string{"state": in.State})))
		})

	changing(s, to, "create_budget", "New budget", "Sets a limit for what is spent on a category in a month.",
		func(in newBudget) (change, error) {
			if _, err := money.Parse(in.Amount); err != nil { // before the person is asked
				return change{}, fmt.Errorf("amount: %w", err)
			}
			return change{
				call{method: http.MethodPost, path: "budgets", body: in},
				fmt.Sprintf("set a budget of %s %s for %s in %s", in.Amount, in.Currency, in.Category, in.Month),
			}, nil
		})
	changing(s, to, "add_transaction", "New transaction", "Records income or an expense.",
		func(in newTransaction) (change, error) {
			if in.Type != "income" && in.Type != "expense" {
				return change{}, fmt.Errorf("type is %q: it is income or expense", in.Type)
			}
			if _, err := money.Parse(in.Amount); err != nil { // before the person is asked
				return change{}, fmt.Errorf("amount: %w", err)
			}
			what := fmt.Sprintf("record %s of %s for %s", in.Type, in.Amount, in.Category)
			if in.Description != "" {
				what += fmt.Sprintf(" (%q)", in.Description)
			}
			return change{call{method: http.MethodPost, path: "transactions", body: in}, what}, nil
		})
	changing(s, to, "create_task", "New task", "Makes a task, with a reminder where one is wanted.",
		func(in newTask) (change, error) {
			return change{call{method: http.MethodPost, path: "tasks", body: in}, fmt.Sprintf("make a task %q", in.Title)}, nil
		})
	changing(s, to, "update_task", "Change of a task", "Changes a task's title, due day or reminder.",
		func(in editTask) (change, error) {
			if in.Title == "" && in.Due == "" && in.RemindAt == "" {
				return change{}, fmt.Errorf("nothing to change: give a title, due or remindAt")
			}
			fields := map[string]string{}
			for name, value := range map[string]string{"title": in.Title, "due": in.Due, "remindAt": in.RemindAt} {
				if value != "" {
					fields[name] = value
				}
			}
			return change{call{method: http.MethodPatch, path: "tasks/" + url.PathEscape(in.ID), body: fields}, fmt.Sprintf("change task %s: %v", in.ID, fields)}, nil
		})
	changing(s, to, "complete_task", "Task done", "Marks a task as done.",
		func(in oneTask) (change, error) {
			return change{call{method: http.MethodPost, path: "tasks/" + url.PathEscape(in.ID) + "/complete"}, "mark task " + in.ID + " as done"}, nil
		})
}
