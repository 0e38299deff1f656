package dashboards_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/infra/observability/dashboards"
	"github.com/wealth-companion/companion/infra/observability/internal/promql"
	"github.com/wealth-companion/companion/infra/observability/rules"
)

var update = flag.Bool("update", false, "write the dashboards anew")

// generated is where the dashboards lie as files, for whoever reads a change of them.
const generated = "generated"

func TestGolden(t *testing.T) {
	if *update {
		require.NoError(t, os.RemoveAll(generated))
		require.NoError(t, os.MkdirAll(generated, 0o755))
	}
	var names []string
	for uid, content := range dashboards.Files() {
		var written bytes.Buffer
		require.NoError(t, json.Indent(&written, []byte(content), "", "  "))
		written.WriteByte('\n')
		name := filepath.Join(generated, uid+".json")
		names = append(names, name)
		if *update {
			require.NoError(t, os.WriteFile(name, written.Bytes(), 0o644))
		}
		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(kept), written.String(), "`make golden` writes it anew")
	}
	kept, err := filepath.Glob(filepath.Join(generated, "*"))
	require.NoError(t, err)
	require.ElementsMatch(t, names, kept, "a dashboard that is none any more")
}

// shown is of the schema that Grafana reads from ConfigMaps.
type shown = dashboard.Dashboard //nolint:staticcheck // the newer one goes by Grafana's own API

// decoded reads the dashboards as strictly as Grafana's own schema is.
func decoded(t *testing.T) map[string]shown {
	t.Helper()
	schema := cog.NewRuntime()
	schema.RegisterPanelcfgVariant(timeseries.VariantConfig())
	schema.RegisterPanelcfgVariant(stat.VariantConfig())
	schema.RegisterPanelcfgVariant(table.VariantConfig())
	schema.RegisterDataqueryVariant(prometheus.VariantConfig())
	all := map[string]shown{}
	for name, content := range dashboards.Files() {
		// The SDK returns a list of errors, which is not nil when it is empty: for it, rows that are
		// right are left out of what is decoded strictly.
		var strict, its shown
		require.Empty(t, strict.UnmarshalJSONStrict([]byte(content)), name)
		require.NoError(t, json.Unmarshal([]byte(content), &its), name)
		require.Equal(t, name, *its.Uid)
		all[name] = its
	}
	return all
}

// panels calls with every panel, and where it is.
func panels(t *testing.T, do func(t *testing.T, at string, its dashboard.Panel)) {
	t.Helper()
	for name, its := range decoded(t) {
		for _, one := range its.Panels {
			if one.Panel != nil {
				do(t, name+": "+*one.Panel.Title, *one.Panel)
			}
		}
	}
}

func TestPanelsSayWhatTheyShow(t *testing.T) {
	panels(t, func(t *testing.T, at string, its dashboard.Panel) {
		require.NotEmpty(t, *its.Title, at)
		require.NotNil(t, its.Description, at)
		require.Regexp(t, `[.)]$`, *its.Description, at)
		require.NotEmpty(t, its.FieldConfig.Defaults.Unit, at)
		require.NotEmpty(t, *its.FieldConfig.Defaults.Unit, at)
		require.Contains(t, []string{"timeseries", "stat", "table"}, its.Type, at)
		require.NotEmpty(t, its.Targets, at)
		if no := its.FieldConfig.Defaults.NoValue; no != nil {
			require.Regexp(t, `^[A-Z].*\.$`, *no, at)
		}
	})
}

func TestPanelsLieSideBySide(t *testing.T) {
	for name, its := range decoded(t) {
		taken, ids := map[[2]uint32]string{}, map[uint32]bool{}
		take := func(title string, id uint32, place dashboard.GridPos) {
			require.False(t, ids[id], "%s: %s has the number of another", name, title)
			ids[id] = true
			require.LessOrEqual(t, place.X+place.W, uint32(24), "%s: %s", name, title)
			require.Positive(t, place.W*place.H, "%s: %s", name, title)
			for x := place.X; x < place.X+place.W; x++ {
				for y := place.Y; y < place.Y+place.H; y++ {
					require.Empty(t, taken[[2]uint32{x, y}], "%s: %s lies on it", name, title)
					taken[[2]uint32{x, y}] = title
				}
			}
		}
		for _, one := range its.Panels {
			if one.Panel != nil {
				take(*one.Panel.Title, *one.Panel.Id, *one.Panel.GridPos)
			} else {
				take(*one.RowPanel.Title, one.RowPanel.Id, *one.RowPanel.GridPos)
			}
		}
	}
}

// expressions calls with every query, with Grafana's own words replaced.
func expressions(t *testing.T, do func(at, expr, legend string)) {
	t.Helper()
	panels(t, func(t *testing.T, at string, its dashboard.Panel) {
		for _, target := range its.Targets {
			query, is := target.(prometheus.Dataquery)
			if pointer, pointed := target.(*prometheus.Dataquery); pointed {
				query, is = *pointer, true
			}
			require.True(t, is, "%s: %T is no query of Prometheus", at, target)
			legend := ""
			if query.LegendFormat != nil {
				legend = *query.LegendFormat
			}
			do(at, strings.ReplaceAll(query.Expr, "$__rate_interval", "5m"), legend)
		}
	})
}

func TestExpressionsUseWhatIsExposed(t *testing.T) {
	exposed, err := promql.Exposed("../../../app/service/testdata/metrics.txt")
	require.NoError(t, err)
	for _, group := range rules.Groups() {
		for _, rule := range group.Rules {
			if rule.Record != "" {
				exposed[rule.Record] = "gauge"
			}
		}
	}
	expressions(t, func(at, expr, _ string) {
		require.NotContains(t, expr, "$_", at)
		names, err := promql.Metrics(expr)
		require.NoError(t, err, "%s: %s", at, expr)
		require.NotEmpty(t, names, "%s: %s", at, expr)
		for _, name := range names {
			require.Contains(t, exposed, name, "%s: no series is called so", at)
		}
	})
}

// A label that the expression does not leave would be an empty place in the legend.
func TestLegendsNameLabelsThatThereAre(t *testing.T) {
	label := regexp.MustCompile(`{{(\w+)}}`)
	expressions(t, func(at, expr, legend string) {
		for _, found := range label.FindAllStringSubmatch(legend, -1) {
			require.Regexp(t, `\b`+found[1]+`\b`, expr, "%s: %s is no label of it", at, found[1])
		}
	})
}

func TestEveryServiceHasADashboard(t *testing.T) {
	all := decoded(t)
	for _, service := range rules.Services() {
		its, has := all[rules.ServiceDashboard(service)]
		require.True(t, has, service)
		require.Contains(t, strings.Fields(*its.Title), service)
	}
}

func TestAlertsNameDashboardsThatThereAre(t *testing.T) {
	all := decoded(t)
	for _, group := range rules.Groups() {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			name, is := strings.CutPrefix(rule.Annotations["dashboard"], "/d/")
			require.True(t, is, rule.Alert)
			// The rules of services whose name the series says.
			name = strings.ReplaceAll(name, "{{ $labels.job }}", rules.Services()[0])
			require.Contains(t, all, name, rule.Alert)
		}
	}
}
