package drill

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Header are the columns of Row, separated by tabs.
const Header = "DRILL\tGOAL\tRECOVERED\tREADY\tFAILED\tSLOWEST WAY\tACCEPTED\tLOST\tDOUBLED\tALERT\tMET"

// Row is a result as a line of a table.
func (r Result) Row() string {
	met := "yes"
	if r.Why() != "" {
		met = "no"
	}
	alarms := "none"
	if len(r.Alarms) > 0 {
		var all []string
		for _, one := range r.Alarms {
			all = append(all, fmt.Sprintf("%s after %.0fs", one.Name, one.After.Seconds()))
		}
		alarms = strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%d of %d\t%s\t%d\t%d\t%d\t%s\t%s", r.Name, r.Goal, seconds(r.Recovered), seconds(r.Ready), r.Failed, r.Requests,
		seconds(r.Slowest), r.Books.Accepted, r.Books.Lost, r.Books.Doubled, alarms, met)
}

// The elements of JUnit's report that those who read it agree on.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Output  string        `xml:"system-out"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
	}
)

// WriteJUnit writes results as JUnit's XML: a test case each, whose time is that of its recovery.
func WriteJUnit(to io.Writer, results []Result) error {
	suite := junitSuite{Name: "drills", Tests: len(results)}
	total := 0.0
	for _, r := range results {
		total += r.Recovered.Seconds()
		one := junitCase{Class: "drill", Name: r.Name, Time: fmt.Sprintf("%.3f", r.Recovered.Seconds()), Output: strings.ReplaceAll(Header, "\t", " | ") + "\n" + strings.ReplaceAll(r.Row(), "\t", " | ")}
		if why := r.Why(); why != "" {
			suite.Failures++
			one.Failure = &junitFailure{Message: why}
		}
		suite.Cases = append(suite.Cases, one)
	}
	suite.Time = fmt.Sprintf("%.3f", total)
	if _, err := io.WriteString(to, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(to)
	encoder.Indent("", "  ")
	return encoder.Encode(suite)
}
