package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/overview/simulation"
)

// simulated is a question of what an investment might come to.
type simulated struct {
	Body struct {
		Initial   string `json:"initial,omitempty" doc:"Put in at once, a decimal string" example:"1000.00" maxLength:"20"`
		Monthly   string `json:"monthly,omitempty" doc:"Put in at the end of each month, a decimal string" example:"100.00" maxLength:"20"`
		Months    int    `json:"months" minimum:"1" maximum:"720"`
		Low       string `json:"lowReturn,omitempty" doc:"Percent a year before the fee; without it, three points less than expected, or 2" maxLength:"12"`
		Expected  string `json:"expectedReturn,omitempty" doc:"Percent a year before the fee; without it 6" example:"6" maxLength:"12"`
		High      string `json:"highReturn,omitempty" doc:"Percent a year before the fee; without it, three points more than expected, or 9" maxLength:"12"`
		Fee       string `json:"fee,omitempty" doc:"Percent a year, taken off every return" example:"0.2" maxLength:"12"`
		Inflation string `json:"inflation,omitempty" doc:"Percent a year, for what it is worth in the money of today" example:"2" maxLength:"12"`
	}
}

// What it might come to.
type (
	// Simulation is the answer, with what must be said with it.
	Simulation struct {
		PaidIn     money.Amount `json:"paidIn"`
		Scenarios  []Scenario   `json:"scenarios" doc:"low, expected, high"`
		Disclaimer string       `json:"disclaimer"`
	}
	// Scenario is one course of things.
	Scenario struct {
		Name   string          `json:"name" enum:"low,expected,high"`
		Return string          `json:"return" doc:"Percent a year, after the fee"`
		Final  money.Amount    `json:"final"`
		Gain   money.Amount    `json:"gain" doc:"Final less what was paid in"`
		Points []SimulatedTime `json:"points" doc:"The beginning, each full year and the end"`
	}
	// SimulatedTime is where a scenario stands after so many months.
	SimulatedTime struct {
		Month  int          `json:"month"`
		PaidIn money.Amount `json:"paidIn"`
		Value  money.Amount `json:"value"`
		Real   money.Amount `json:"real" doc:"The value in the money of today"`
	}
)

func (r routes) simulations() {
	own(r, operation{http.MethodPost, "/simulations/investment", "simulateInvestment", "What an investment might come to: a calculation, not advice", 0, 0},
		func(_ context.Context, _ uuid.UUID, in *simulated) (Simulation, error) { return in.run() })
}

func (in *simulated) run() (Simulation, error) {
	asked := simulation.Input{Months: in.Body.Months}
	for _, one := range []struct {
		field, text string
		to          *decimal.Decimal
	}{
		{"initial", in.Body.Initial, &asked.Initial}, {"monthly", in.Body.Monthly, &asked.Monthly},
		{"fee", in.Body.Fee, &asked.Fee}, {"inflation", in.Body.Inflation, &asked.Inflation},
	} {
		value, err := number(one.field, one.text)
		if err != nil {
			return Simulation{}, err
		}
		if value != nil {
			*one.to = *value
		}
	}
	var err error
	if asked.Low, err = number("lowReturn", in.Body.Low); err != nil {
		return Simulation{}, err
	}
	if asked.Expected, err = number("expectedReturn", in.Body.Expected); err != nil {
		return Simulation{}, err
	}
	if asked.High, err = number("highReturn", in.Body.High); err != nil {
		return Simulation{}, err
	}
	result, err := simulation.Run(asked)
	var wrong simulation.Invalid
	if errors.As(err, &wrong) {
		return Simulation{}, apperror.Invalid{Field: wrong.Field, Reason: wrong.Reason}
	}
	if err != nil {
		return Simulation{}, err
	}
	answer := Simulation{PaidIn: money.Of(result.PaidIn), Disclaimer: result.Disclaimer}
	for _, s := range result.Scenarios {
		told := Scenario{Name: s.Name, Return: s.Return.String(), Final: money.Of(s.Final), Gain: money.Of(s.Gain)}
		for _, p := range s.Points {
			told.Points = append(told.Points, SimulatedTime{p.Month, money.Of(p.PaidIn), money.Of(p.Value), money.Of(p.Real)})
		}
		answer.Scenarios = append(answer.Scenarios, told)
	}
	return answer, nil
}

// places is as many after the point as a number of a simulation may have.
const places = 6

// number reads a plain decimal number; "" is none.
func number(field, text string) (*decimal.Decimal, error) {
	if text == "" {
		return nil, nil
	}
	value, err := decimal.NewFromString(text)
	// An exponent would make a short text a number of a million digits.
	if err != nil || value.Exponent() > 0 || value.Exponent() < -places {
		return nil, apperror.Invalid{Field: field, Reason: "must be a decimal number such as 2.5, with six places at most"}
	}
	return &value, nil
}
