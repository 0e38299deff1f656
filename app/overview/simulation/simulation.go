// Package simulation answers what an investment might come to: compound growth
// with contributions, in three scenarios. It predicts nothing, and says so.
package simulation

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// Disclaimer goes with every result that a person sees.
const Disclaimer = "This is a calculation, not advice and not a forecast. Returns are assumed to be the same every year; " +
	"real ones go up and down, and you may get back less than you put in. Taxes are left out."

// The limits of an input. They keep a result's size and its digits bounded.
const (
	MaxMonths = 12 * 60
	// Places is how exact growth is reckoned; amounts are rounded to cents at the end.
	Places = 16
)

var (
	maxAmount = decimal.New(1, 12)
	maxReturn = decimal.NewFromInt(30)
	minReturn = decimal.NewFromInt(-30)
	hundred   = decimal.NewFromInt(100)
	one       = decimal.NewFromInt(1)
)

// The returns of the scenarios when none are given, in percent a year before
// costs and inflation. They are assumptions. For scale: the world's shares returned
// about 5% a year above inflation since 1900 (Dimson, Marsh and Staunton, Global
// Investment Returns Yearbook), and far less or more over many a decade.
var (
	DefaultLow      = decimal.NewFromInt(2)
	DefaultExpected = decimal.NewFromInt(6)
	DefaultHigh     = decimal.NewFromInt(9)
)

// Input is what is asked. Amounts are in one currency.
type Input struct {
	Initial decimal.Decimal // put in at once, zero or more
	Monthly decimal.Decimal // put in at the end of each month, zero or more
	Months  int             // 1 to MaxMonths
	// Returns in percent a year, before Fee. All nil: the defaults. With Expected
	// alone, the others are three points away.
	Low, Expected, High *decimal.Decimal
	Fee                 decimal.Decimal // percent a year, taken off every return
	Inflation           decimal.Decimal // percent a year; zero: Real is Value
}

// Invalid is what is wrong with an input.
type Invalid struct{ Field, Reason string }

func (i Invalid) Error() string { return i.Field + " " + i.Reason }

// Point is where a scenario stands after so many months.
type Point struct {
	Month  int
	PaidIn decimal.Decimal // till then, cents
	Value  decimal.Decimal // cents
	Real   decimal.Decimal // Value in the money of today, cents
}

// Scenario is one course of things.
type Scenario struct {
	Name   string          // low, expected or high
	Return decimal.Decimal // percent a year, after the fee
	Points []Point         // the beginning, each full year and the end
	Final  decimal.Decimal // the last point's value
	Gain   decimal.Decimal // Final less what was paid in
}

// Result is the answer.
type Result struct {
	PaidIn     decimal.Decimal
	Scenarios  []Scenario // low, expected, high
	Disclaimer string
}

// Run simulates. The same input always gives the same result. Its error is of type
// Invalid.
func Run(in Input) (Result, error) {
	low, expected, high, err := in.check()
	if err != nil {
		return Result{}, err
	}
	r := Result{Disclaimer: Disclaimer}
	for _, s := range []Scenario{{Name: "low", Return: low}, {Name: "expected", Return: expected}, {Name: "high", Return: high}} {
		s.Return = s.Return.Sub(in.Fee)
		if err := s.run(in); err != nil {
			return Result{}, err
		}
		r.Scenarios = append(r.Scenarios, s)
		r.PaidIn = s.Points[len(s.Points)-1].PaidIn
	}
	return r, nil
}

func (in Input) check() (low, expected, high decimal.Decimal, err error) {
	switch {
	case in.Initial.IsNegative() || in.Initial.GreaterThan(maxAmount):
		err = Invalid{"initial", "must be from 0 to " + maxAmount.String()}
	case in.Monthly.IsNegative() || in.Monthly.GreaterThan(maxAmount):
		err = Invalid{"monthly", "must be from 0 to " + maxAmount.String()}
	case in.Initial.IsZero() && in.Monthly.IsZero():
		err = Invalid{"initial", "or monthly must be more than zero"}
	case in.Months < 1 || in.Months > MaxMonths:
		err = Invalid{"months", fmt.Sprintf("must be from 1 to %d", MaxMonths)}
	case in.Fee.IsNegative() || in.Fee.GreaterThan(decimal.NewFromInt(10)):
		err = Invalid{"fee", "must be from 0 to 10 percent"}
	case in.Inflation.LessThan(minReturn) || in.Inflation.GreaterThan(maxReturn):
		err = Invalid{"inflation", "must be from -30 to 30 percent"}
	}
	low, expected, high = DefaultLow, DefaultExpected, DefaultHigh
	if in.Expected != nil {
		three := decimal.NewFromInt(3)
		expected = *in.Expected
		low, high = decimal.Max(minReturn, expected.Sub(three)), decimal.Min(maxReturn, expected.Add(three))
	}
	if in.Low != nil {
		low = *in.Low
	}
	if in.High != nil {
		high = *in.High
	}
	for _, rate := range []decimal.Decimal{low, expected, high} {
		if err == nil && (rate.LessThan(minReturn) || rate.GreaterThan(maxReturn)) {
			err = Invalid{"return", "must be from -30 to 30 percent"}
		}
	}
	if err == nil && (low.GreaterThan(expected) || expected.GreaterThan(high)) {
		err = Invalid{"return", "must not be lower in a higher scenario"}
	}
	return low, expected, high, err
}

// run fills the scenario in, month by month: value x (1 + r)^(1/12) + monthly.
func (s *Scenario) run(in Input) error {
	growth, err := monthlyFactor(s.Return)
	if err != nil {
		return err
	}
	inflation, err := monthlyFactor(in.Inflation)
	if err != nil {
		return err
	}
	value, paid, prices := in.Initial, in.Initial, one
	point := func(month int) {
		s.Points = append(s.Points, Point{
			Month: month, PaidIn: paid.Round(2), Value: value.Round(2), Real: value.DivRound(prices, 2),
		})
	}
	point(0)
	for month := 1; month <= in.Months; month++ {
		value = value.Mul(growth).Add(in.Monthly).Round(Places)
		paid = paid.Add(in.Monthly)
		prices = prices.Mul(inflation).Round(Places)
		if month%12 == 0 || month == in.Months {
			point(month)
		}
	}
	last := s.Points[len(s.Points)-1]
	s.Final, s.Gain = last.Value, last.Value.Sub(last.PaidIn)
	return nil
}

// monthlyFactor is the twelfth root of a year's growth, so that twelve months make
// exactly the year, by Newton's method.
func monthlyFactor(percent decimal.Decimal) (decimal.Decimal, error) {
	year := one.Add(percent.Div(hundred))
	if !year.IsPositive() {
		return one, Invalid{"return", "less the fee must be above -100 percent"}
	}
	twelve, eleven := decimal.NewFromInt(12), decimal.NewFromInt(11)
	x := one
	for range 60 {
		power := one
		for range 11 {
			power = power.Mul(x).Round(Places + 8)
		}
		next := eleven.Mul(x).Add(year.DivRound(power, Places+8)).DivRound(twelve, Places+8)
		if next.Sub(x).Abs().LessThan(decimal.New(1, -Places-4)) {
			return next.Round(Places), nil
		}
		x = next
	}
	return x.Round(Places), nil
}

// MonthsTo is how many months it takes until a target is reached with a yearly
// return in percent, at most MaxMonths; ok is false when it is not reached.
func MonthsTo(target, initial, monthly, percent decimal.Decimal) (months int, ok bool) {
	growth, err := monthlyFactor(percent)
	if err != nil {
		return 0, false
	}
	for value := initial; months <= MaxMonths; months++ {
		if value.GreaterThanOrEqual(target) {
			return months, true
		}
		value = value.Mul(growth).Add(monthly).Round(Places)
	}
	return 0, false
}
