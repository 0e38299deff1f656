package dashboards

import (
	"fmt"
	"strings"
)

// Units, as Grafana calls them.
const (
	count     = "short"
	aSecond   = "reqps"
	events    = "suffix: /s"
	seconds   = "s"
	millis    = "ms"
	bytes     = "bytes"
	bytesRate = "binBps"
	share     = "percentunit"
	cores     = "suffix: cores"
	burning   = "suffix: ×"
)

// rate is how much a counter's series grow a second.
func rate(selector string) string { return "rate(" + selector + "[$__rate_interval])" }

// sum adds series up by labels.
func sum(expr string, by ...string) string { return aggregate("sum", expr, by) }

// most is the greatest of series by labels.
func most(expr string, by ...string) string { return aggregate("max", expr, by) }

func aggregate(how, expr string, by []string) string {
	if len(by) == 0 {
		return fmt.Sprintf("%s(%s)", how, expr)
	}
	return fmt.Sprintf("%s by (%s) (%s)", how, strings.Join(by, ", "), expr)
}

// quantile is a quantile of a histogram over the last while, by labels. selector is one of its
// name without _bucket, with labels or not.
func quantile(q float64, name, labels string, by ...string) string {
	return fmt.Sprintf("histogram_quantile(%g, %s)", q, sum(rate(name+"_bucket"+labels), append(by, "le")...))
}

// shareOf is bad events among all, by labels: 0 also where none was ever bad, and nothing
// where there are no events.
func shareOf(bad, all string, by ...string) string {
	return fmt.Sprintf("(%[1]s or 0 * %[2]s) / (%[2]s > 0)", sum(bad, by...), sum(all, by...))
}

// ten are the ten greatest: a panel with more is read by nobody.
func ten(expr string) string { return "topk(10, " + expr + ")" }
