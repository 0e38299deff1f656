// Package promql is what the tests of rules and dashboards know of their expressions, and of
// the metrics that there are.
package promql

import (
	"embed"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
)

// Metrics returns the names of the metrics in an expression, each once. The parser takes
// somewhat more than Prometheus does; Prometheus' own would bring its dependencies into this
// module.
func Metrics(expr string) ([]string, error) {
	parsed, err := metricsql.Parse(expr)
	if err != nil {
		return nil, err
	}
	var names []string
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		selector, is := e.(*metricsql.MetricExpr)
		if !is {
			return
		}
		for _, filters := range selector.LabelFilterss {
			for _, filter := range filters {
				if filter.Label == "__name__" && !slices.Contains(names, filter.Value) {
					names = append(names, filter.Value)
				}
			}
		}
	})
	return names, nil
}

//go:embed exposed/*.txt
var exposed embed.FS

// Exposed returns the series that there are, by name, and the type of their metric: those of our
// services by the file at services, which a test of theirs writes, those of others by the files in exposed.
func Exposed(services string) (map[string]string, error) {
	files, err := exposed.ReadDir("exposed")
	if err != nil {
		return nil, err
	}
	ours, err := os.ReadFile(services)
	if err != nil {
		return nil, err
	}
	lists := []string{string(ours)}
	for _, file := range files {
		content, err := exposed.ReadFile(path.Join("exposed", file.Name()))
		if err != nil {
			return nil, err
		}
		lists = append(lists, string(content))
	}
	series := map[string]string{}
	for _, line := range strings.Split(strings.Join(lists, "\n"), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, kind, found := strings.Cut(line, " ")
		if !found {
			return nil, fmt.Errorf("%q is no name and type of a metric", line)
		}
		suffixes := []string{""}
		switch kind {
		case "histogram":
			suffixes = []string{"_bucket", "_sum", "_count"}
		case "summary":
			suffixes = []string{"", "_sum", "_count"}
		}
		for _, suffix := range suffixes {
			series[name+suffix] = kind
		}
	}
	return series, nil
}
