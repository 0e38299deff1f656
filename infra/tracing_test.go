package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/tracing/known"
)

// TestTracesGoToTheCollector: every service and every sidecar gives its spans to the collector,
// may reach it, and waits for nothing; the collector alone reaches Jaeger, which answers
// nobody in the cluster.
func TestTracesGoToTheCollector(t *testing.T) {
	asked, err := plan(configuration(t, "prod"), "prod")
	require.NoError(t, err)
	for _, service := range []string{"backend", "analytics", "mcp", "web"} {
		env := map[any]any{}
		for _, variable := range at(t, of(t, asked, "Deployment", "companion-app-"+service).Inputs, "spec", "template", "spec", "containers", 0, "env").([]any) {
			env[at(t, variable, "name")] = variable.(map[string]any)["value"]
		}
		require.Equal(t, "http://collector.tracing.svc:4317", env["OTEL_EXPORTER_OTLP_ENDPOINT"], service)
		require.Equal(t, "parentbased_traceidratio", env["OTEL_TRACES_SAMPLER"], service)
		require.Equal(t, "0.05", env["OTEL_TRACES_SAMPLER_ARG"], service)
		raw, err := json.Marshal(at(t, of(t, asked, "NetworkPolicy", "companion-app-"+service).Inputs, "spec", "egress"))
		require.NoError(t, err)
		require.Contains(t, string(raw), `{"ports":[{"port":4317,"protocol":"TCP"}],"to":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"tracing"}},"podSelector":{"matchLabels":{"app.kubernetes.io/name":"collector"}}}]}`, service)
	}
	for _, configuration := range []string{"companion", "backend", "mcp"} {
		tracing := at(t, of(t, asked, "Configuration", "companion-app-configuration-"+configuration).Inputs, "spec", "tracing")
		require.Equal(t, map[string]any{
			"samplingRate": "0.05", "otel": map[string]any{"endpointAddress": "collector.tracing.svc:4317", "protocol": "grpc", "isSecure": false},
		}, tracing, configuration)
	}
	collector := configurationOf(t, asked, "collector")
	for _, attribute := range known.Attributes() {
		require.Contains(t, collector, `\"`+attribute+`\"`, "what services export is kept")
	}
	jaeger := configurationOf(t, asked, "jaeger")
	require.Contains(t, jaeger, `"spans": "72h"`)
	require.NotContains(t, jaeger, "0.0.0.0:1668", "its answers need no log-in")
	for _, one := range asked {
		if strings.HasSuffix(one.Type, ":NetworkPolicy") && strings.HasPrefix(one.Name, "companion-tracing-") {
			raw, err := json.Marshal(at(t, one.Inputs, "spec"))
			require.NoError(t, err)
			require.NotContains(t, string(raw), "1668", one.Name)
		}
	}
	require.EqualValues(t, 2, at(t, of(t, asked, "Deployment", "companion-tracing-collector").Inputs, "spec", "replicas"))
	require.Equal(t, "20Gi", at(t, of(t, asked, "StatefulSet", "companion-tracing-jaeger").Inputs, "spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage"))
	require.Equal(t, []any{"tracing"}, at(t, of(t, asked, "PodMonitor", "companion-observability-monitor-tracing").Inputs, "spec", "namespaceSelector", "matchNames"))
}

// TestStacksWithoutTraces: switched off, nothing is recorded, and nobody may reach what is not there.
func TestStacksWithoutTraces(t *testing.T) {
	config := configuration(t, "prod")
	var its map[string]any
	require.NoError(t, json.Unmarshal([]byte(config["companion:tracing"]), &its))
	its["enabled"] = false
	raw, err := json.Marshal(its)
	require.NoError(t, err)
	config["companion:tracing"] = string(raw)
	asked, err := plan(config, "prod")
	require.NoError(t, err)
	for _, one := range asked {
		inputs, err := json.Marshal(one.Inputs)
		require.NoError(t, err)
		require.NotContains(t, one.Name, "companion-tracing")
		require.NotContains(t, string(inputs), "OTEL_", one.Name)
		require.NotContains(t, string(inputs), "4317", one.Name)
	}
	require.Equal(t, map[string]any{"samplingRate": "1"}, at(t, of(t, asked, "Configuration", "companion-app-configuration-companion").Inputs, "spec", "tracing"))
}

// configurationOf is what one of the two parts is configured by.
func configurationOf(t *testing.T, asked []planned, part string) string {
	t.Helper()
	text, is := at(t, of(t, asked, "ConfigMap", "companion-tracing-"+part).Inputs, "data", "config.yaml").(string)
	require.True(t, is)
	return text
}
