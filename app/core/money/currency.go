package money

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wealth-companion/companion/app/core/calendar"
)

// Currency is a unit that ISO 4217 lists, or listed once.
type Currency struct {
	Code string // three capital letters
	Name string
	// Digits is the number of decimals of its minor unit; -1: none is listed, as
	// of gold (XAU), special drawing rights (XDR) and the codes for tests.
	Digits int32
	// Retired is the month of its withdrawal, YYYY-MM (of old ones YYYY); empty: in use.
	Retired string
}

// listed is ISO 4217 as data: which edition, and where it is from, its first line says.
//
//go:embed iso4217.csv
var listed string

// table is ISO 4217 by code. The file is part of the program, so one that cannot
// be read is a defect that any test finds.
var table = sync.OnceValue(func() map[string]Currency {
	reader := csv.NewReader(strings.NewReader(listed))
	reader.Comment, reader.FieldsPerRecord = '#', 4
	rows, err := reader.ReadAll()
	if err != nil {
		panic(err)
	}
	all := make(map[string]Currency, len(rows))
	for _, row := range rows {
		c := Currency{Code: row[0], Digits: -1, Retired: row[2], Name: row[3]}
		if row[1] != "" {
			digits, err := strconv.ParseInt(row[1], 10, 32)
			if err != nil || digits < 0 || digits > MaxDecimals {
				panic(fmt.Sprintf("iso4217.csv: the minor unit of %s is %q", c.Code, row[1]))
			}
			c.Digits = int32(digits)
		}
		all[c.Code] = c
	}
	return all
})

// Currencies lists the currencies that CheckCurrency accepts, by code.
func Currencies() []Currency {
	var all []Currency
	for code, c := range table() {
		if CheckCurrency(code) == nil {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Currency) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// CheckCurrency tells why code is not a currency that money can be kept in, in
// words for the person who entered it; nil: it is one. Accepted is what ISO 4217
// lists today with a minor unit. Refused are codes that it does not list
// (crypto-currencies among them), those it has retired, and those without a minor
// unit, of which nobody could say how an amount is rounded.
func CheckCurrency(code string) error {
	c, known := table()[code]
	switch {
	case !known && table()[strings.ToUpper(code)].Code != "":
		return fmt.Errorf("must be written in capital letters: %s", strings.ToUpper(code))
	case !known && len(code) != 3:
		return errors.New("must be an ISO 4217 code such as EUR")
	case !known:
		return fmt.Errorf("%q is not a currency that ISO 4217 lists, such as EUR", code)
	case c.Retired != "":
		return fmt.Errorf("%s (%s) was retired in %s: use the currency that replaced it", code, c.Name, calendar.MonthInWords(c.Retired))
	case c.Digits < 0:
		return fmt.Errorf("%s (%s) has no minor unit in ISO 4217, so amounts cannot be kept in it: use a currency such as EUR", code, c.Name)
	}
	return nil
}

// ValidCurrency reports whether CheckCurrency accepts code.
func ValidCurrency(code string) bool { return CheckCurrency(code) == nil }

// Digits returns the number of decimals of a currency's minor unit: 2 of EUR, 0 of
// JPY, 3 of KWD. For codes without one (retired ones, which rows from before may
// still have, and unknown ones) it is 2.
func Digits(code string) int32 {
	if c, known := table()[code]; known && c.Digits >= 0 {
		return c.Digits
	}
	return 2
}
