package rules_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/wealth-companion/companion/infra/observability/internal/promql"
	"github.com/wealth-companion/companion/infra/observability/rules"
)

var update = flag.Bool("update", false, "write the rules anew")

// file is what promtool reads.
const file = "testdata/rules.yaml"

func TestGolden(t *testing.T) {
	var written strings.Builder
	encoder := yaml.NewEncoder(&written)
	encoder.SetIndent(2)
	require.NoError(t, encoder.Encode(map[string]any{"groups": rules.Groups()}))
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(written.String()), 0o644))
	}
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(kept), written.String(), "`make golden` writes it anew")
}

// all lists every rule.
func all() []rules.Rule {
	var found []rules.Rule
	for _, group := range rules.Groups() {
		found = append(found, group.Rules...)
	}
	return found
}

func TestExpressionsUseWhatIsExposed(t *testing.T) {
	exposed, err := promql.Exposed("../../../app/service/testdata/metrics.txt")
	require.NoError(t, err)
	for _, rule := range all() {
		if rule.Record != "" {
			exposed[rule.Record] = "gauge"
		}
	}
	for _, rule := range all() {
		names, err := promql.Metrics(rule.Expr)
		require.NoError(t, err, rule.Expr)
		require.NotEmpty(t, names, rule.Expr)
		for _, name := range names {
			require.Contains(t, exposed, name, "%s%s: no series is called so", rule.Alert, rule.Record)
		}
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	runbook, err := os.ReadFile("../../../docs/runbook.md")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, rule := range all() {
		if rule.Alert == "" {
			continue
		}
		identity, err := json.Marshal([]any{rule.Alert, rule.Labels})
		require.NoError(t, err)
		require.False(t, seen[string(identity)], "two rules make the same alert: %s", identity)
		seen[string(identity)] = true
		require.Contains(t, []string{rules.Page, rules.Ticket}, rule.Labels["severity"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
		require.Equal(t, rules.Runbook+"#"+strings.ToLower(rule.Alert), rule.Annotations["runbook_url"])
		require.Regexp(t, `(?m)^### `+rule.Alert+`$`, string(runbook), "docs/runbook.md does not say what to do")
	}
}

// Few enough to be looked after: another one is worth its entry in the runbook, or it is not.
func TestAlertsAreFew(t *testing.T) {
	require.LessOrEqual(t, len(rules.Alerts()), 25)
}

// What they fire at is tested by promtool (make test-rules); that none is left out, here.
func TestEveryAlertHasACase(t *testing.T) {
	var cases string
	for _, name := range []string{"testdata/tests.yaml", "testdata/tests-hours.yaml"} {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		cases += string(content)
	}
	for _, rule := range all() {
		if rule.Alert != "" {
			require.Regexp(t, `labels: '\{alertname="`+rule.Alert+`",.* severity="`+rule.Labels["severity"]+`"`, cases, "no case in which it fires")
		}
	}
}

func TestEveryServiceIsWatched(t *testing.T) {
	down := map[string]bool{}
	for _, rule := range all() {
		if rule.Alert == "ServiceDown" {
			down[rule.Labels["service"]] = true
			require.Contains(t, rule.Expr, `"`+rule.Labels["service"]+`"`)
		}
	}
	require.ElementsMatch(t, rules.Services(), slices.Collect(maps.Keys(down)))
}

// A budget burns in 30 days at rate 1.
func TestBudgets(t *testing.T) {
	for _, o := range rules.Objectives() {
		require.InDelta(t, 100-o.Goal, o.Budget()*100, 1e-9, o.Name)
	}
}

// What is left out of the objectives for latency is there: a route that was renamed would count again.
func TestSlowRoutesExist(t *testing.T) {
	files, err := filepath.Glob("../../../app/api/rest/*.go")
	require.NoError(t, err)
	var paths []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`"(/[^"]*)"`).FindAllStringSubmatch(string(source), -1) {
			paths = append(paths, found[1])
		}
	}
	expr := all()[slices.IndexFunc(all(), func(r rules.Rule) bool { return r.Labels["slo"] == "backend-latency" })].Expr
	pattern := regexp.MustCompile(`route!~"/api/v1/\(([^"]*)\)"`).FindStringSubmatch(expr)
	require.NotNil(t, pattern, expr)
	for _, one := range strings.Split(pattern[1], "|") {
		require.True(t, slices.ContainsFunc(paths, regexp.MustCompile("^/"+one+"$").MatchString), "no operation is at /api/v1/%s", one)
	}
}
