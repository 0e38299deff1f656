package mcp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/finance/goal"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/overview/score"
	"github.com/wealth-companion/companion/app/overview/summary"
	"github.com/wealth-companion/companion/app/store/pagination"
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

// paged asks for a page of a list.
type paged struct {
	Cursor string `json:"cursor,omitempty" jsonschema:"nextCursor of the page before; without it, the first page"`
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

// simulated is what the API answers a simulation with; amounts are decimal strings.
type simulated struct {
	PaidIn     string              `json:"paidIn"`
	Scenarios  []simulatedScenario `json:"scenarios"`
	Disclaimer string              `json:"disclaimer" doc:"To be passed on"`
}

type simulatedScenario struct {
	Name   string           `json:"name" enum:"low,expected,high"`
	Return string           `json:"return" doc:"Percent a year, after the fee"`
	Final  string           `json:"final"`
	Gain   string           `json:"gain" doc:"Final less what was paid in"`
	Points []simulatedPoint `json:"points" doc:"The beginning, each full year and the end"`
}

type simulatedPoint struct {
	Month  int    `json:"month"`
	PaidIn string `json:"paidIn"`
	Value  string `json:"value"`
	Real   string `json:"real" doc:"The value in the money of today"`
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
	paged
	State string `json:"state,omitempty" jsonschema:"open, done or all; all without it"`
}

type newTask struct {
	Confirmable
	Title    string `json:"title" jsonschema:"at most 200 characters"`
	Notes    string `json:"notes,omitempty" jsonschema:"at most 2000 characters"`
	Due      string `json:"due,omitempty" jsonschema:"YYYY-MM-DD"`
	RemindAt string `json:"remindAt,omitempty" jsonschema:"RFC 3339, UTC"`
}

// editTask has pointers: what is left out stays, what is empty is cleared.
type editTask struct {
	Confirmable
	ID       string  `json:"id" jsonschema:"the id of a task (list_tasks)"`
	Title    *string `json:"title,omitempty" jsonschema:"left out: as it is"`
	Notes    *string `json:"notes,omitempty" jsonschema:"left out: as they are; empty: none"`
	Due      *string `json:"due,omitempty" jsonschema:"YYYY-MM-DD; left out: as it is; empty: none"`
	RemindAt *string `json:"remindAt,omitempty" jsonschema:"RFC 3339, UTC; left out: as it is; empty: none"`
}

type oneTask struct {
	Confirmable
	ID string `json:"id" jsonschema:"the id of a task (list_tasks)"`
}

func get(path string, query url.Values) call {
	return call{method: http.MethodGet, path: path, query: query}
}

func only(c call) ([]named, error) { return []named{{"", c}}, nil }

// taskPath is a task's path. A model may write anything for its id, which must lead to
// nothing else.
func taskPath(id string) (string, error) {
	its, err := uuid.Parse(id)
	if err != nil {
		return "", errors.New("id must be the id of a task, as list_tasks gives it")
	}
	return "tasks/" + its.String(), nil
}

func listed(path string) func(nothing) ([]named, error) {
	return func(nothing) ([]named, error) { return only(get(path, nil)) }
}

// addTools adds every tool that the requirements name, and those by which an
// assistant finds the ids and slugs that others take.
func (s *Server) addTools(to *mcp.Server) {
	reading(s, to, "get_financial_summary", "Financial summary",
		"Income, expenses, what is left and the savings rate of a period, by currency.", schemaOf[summary.Financial](),
		func(in period) ([]named, error) { return only(get("summaries/financial", in.query())) })
	reading(s, to, "analyze_spending", "Spending",
		"What was spent on each category in a period, and how it went month by month.", object(map[string]map[string]any{"categories": schemaOf[summary.Categories](), "trends": schemaOf[summary.Trends]()}),
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
		"How healthy the person's finances are, 0 to 100, with each part explained.", schemaOf[score.Score](), listed("health-score"))
	reading(s, to, "get_dashboard_metrics", "Dashboard",
		"Balances, this month against the last, budgets, goals, reminders and the newest insights.", schemaOf[summary.Dashboard](), listed("dashboard"))
	reading(s, to, "simulate_investment", "Investment simulation",
		"What an investment might come to, in three scenarios. A calculation, not advice; pass its disclaimer on.", schemaOf[simulated](),
		func(in investment) ([]named, error) {
			return only(call{method: http.MethodPost, path: "simulations/investment", body: in})
		})
	reading(s, to, "list_wallets", "Wallets", "The person's wallets with their ids and currencies.", schemaOf[pagination.List[ledger.Wallet]](), listed("wallets"))
	reading(s, to, "list_categories", "Categories", "The person's categories with their slugs.", schemaOf[pagination.List[ledger.Category]](), listed("categories"))
	reading(s, to, "list_budgets", "Budgets", "The person's budgets.", schemaOf[pagination.List[budget.Budget]](), listed("budgets"))
	reading(s, to, "list_goals", "Goals", "The person's savings goals and their pace.", schemaOf[pagination.List[goal.Goal]](), listed("goals"))
	reading(s, to, "list_tasks", "Tasks", "The person's tasks and reminders.", schemaOf[pagination.List[task.Task]](),
		func(in tasks) ([]named, error) {
			return only(get("tasks", filled(map[string]string{"state": in.State, "cursor": in.Cursor})))
		})

	changing(s, to, change[newBudget]{
		name: "create_budget", title: "New budget", description: "Sets a limit for what is spent on a category in a month.",
		output: outcome[budget.Budget](), describe: describeBudget,
		request: func(in newBudget, _ time.Time) (call, error) { return post("budgets", in), nil },
	})
	changing(s, to, change[newTransaction]{
		name: "add_transaction", title: "New transaction", description: "Records income or an expense.",
		output: outcome[ledger.Transaction](), describe: describeTransaction,
		request: func(in newTransaction, at time.Time) (call, error) {
			if in.Type != "income" && in.Type != "expense" {
				return call{}, fmt.Errorf("type is %q: it is income or expense", in.Type)
			}
			if in.Timestamp == "" { // when the person was asked
				in.Timestamp = at.Format(time.RFC3339)
			}
			return post("transactions", in), nil
		},
	})
	changing(s, to, change[newTask]{
		name: "create_task", title: "New task", description: "Makes a task, with a reminder where one is wanted.",
		output: outcome[task.Task](), describe: describeNewTask,
		request: func(in newTask, _ time.Time) (call, error) { return post("tasks", in), nil },
	})
	changing(s, to, change[editTask]{
		name: "update_task", title: "Change of a task", description: "Changes a task's title, notes, due day or reminder.",
		output: outcome[task.Task](), describe: describeEdit,
		request: func(in editTask, _ time.Time) (call, error) {
			path, err := taskPath(in.ID)
			if err != nil {
				return call{}, err
			}
			in.ID = "" // is in the path
			if in == (editTask{}) {
				return call{}, errors.New("nothing to change: give a title, notes, due or remindAt")
			}
			return call{method: http.MethodPatch, path: path, body: taskEdit{in.Title, in.Notes, in.Due, in.RemindAt}}, nil
		},
	})
	changing(s, to, change[oneTask]{
		name: "complete_task", title: "Task done", description: "Marks a task as done.",
		output: outcome[task.Task](), describe: describeCompletion,
		request: func(in oneTask, _ time.Time) (call, error) {
			path, err := taskPath(in.ID)
			return post(path+"/complete", nil), err
		},
	})
}

func post(path string, body any) call { return call{method: http.MethodPost, path: path, body: body} }

// taskEdit is an editTask as the API takes it.
type taskEdit struct {
	Title    *string `json:"title,omitempty"`
	Notes    *string `json:"notes,omitempty"`
	Due      *string `json:"due,omitempty"`
	RemindAt *string `json:"remindAt,omitempty"`
}
