package rules

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// check runs a rule on a resource whose properties are JSON.
func check(t *testing.T, rule Rule, token, urn, properties string) []string {
	t.Helper()
	var values map[string]any
	require.NoError(t, json.Unmarshal([]byte(properties), &values))
	return rule.Check(Resource{Type: "kubernetes:" + token, Name: "it", URN: urn, Properties: values})
}

func deployment(container string) string {
	return `{"metadata": {"name": "backend"}, "spec": {"template": {"spec": {"containers": [` + container + `]}}}}`
}

func TestTLS(t *testing.T) {
	for name, c := range map[string]struct{ token, properties, want string }{
		"a listener with a certificate": {"gateway.networking.k8s.io/v1:Gateway",
			`{"spec": {"listeners": [{"name": "https", "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "tls"}]}}]}}`, ""},
		"a listener that only leads there": {"gateway.networking.k8s.io/v1:Gateway",
			`{"spec": {"listeners": [{"name": "http", "protocol": "HTTP"}]}}`, ""},
		"a listener without a certificate": {"gateway.networking.k8s.io/v1:Gateway",
			`{"spec": {"listeners": [{"name": "https", "protocol": "HTTPS", "tls": {}}]}}`, "has no certificate"},
		"a listener that passes TLS on": {"gateway.networking.k8s.io/v1:Gateway",
			`{"spec": {"listeners": [{"name": "https", "protocol": "TLS", "tls": {"mode": "Passthrough", "certificateRefs": [{"name": "tls"}]}}]}}`, "does not end TLS"},
		"another plain listener": {"gateway.networking.k8s.io/v1:Gateway",
			`{"spec": {"listeners": [{"name": "web", "protocol": "HTTP"}]}}`, "without TLS"},
		"a route by TLS": {"gateway.networking.k8s.io/v1:HTTPRoute",
			`{"spec": {"parentRefs": [{"name": "g", "sectionName": "https"}], "rules": [{"backendRefs": [{"name": "backend"}]}]}}`, ""},
		"a plain route": {"gateway.networking.k8s.io/v1:HTTPRoute",
			`{"spec": {"parentRefs": [{"name": "g", "sectionName": "http"}], "rules": [{"backendRefs": [{"name": "backend"}]}]}}`, "served without TLS"},
		"a route to every listener": {"gateway.networking.k8s.io/v1:HTTPRoute",
			`{"spec": {"parentRefs": [{"name": "g"}], "rules": [{"backendRefs": [{"name": "backend"}]}]}}`, "served without TLS"},
		"a plain route that redirects": {"gateway.networking.k8s.io/v1:HTTPRoute",
			`{"spec": {"parentRefs": [{"sectionName": "http"}], "rules": [{"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]}]}}`, ""},
		"a redirect to plain HTTP": {"gateway.networking.k8s.io/v1:HTTPRoute",
			`{"spec": {"parentRefs": [{"sectionName": "http"}], "rules": [{"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "http"}}]}]}}`, "served without TLS"},
		"an ingress without TLS": {"networking.k8s.io/v1:Ingress", `{"spec": {"rules": []}}`, "has no tls"},
		"an ingress with TLS":    {"networking.k8s.io/v1:Ingress", `{"spec": {"tls": [{"secretName": "tls"}]}}`, ""},
		"a way around":           {"core/v1:Service", `{"spec": {"type": "LoadBalancer"}}`, "goes around"},
		"a service inside":       {"core/v1:Service", `{"spec": {"type": "ClusterIP"}}`, ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, c.want, check(t, tlsEverywhere, c.token, "", c.properties)) })
	}
}

func TestSecrets(t *testing.T) {
	pod := func(env string) string { return deployment(`{"name": "app", "env": [` + env + `]}`) }
	for name, c := range map[string]struct{ token, properties, want string }{
		"a plain setting":          {"apps/v1:Deployment", pod(`{"name": "LOG_LEVEL", "value": "info"}`), ""},
		"a password in the open":   {"apps/v1:Deployment", pod(`{"name": "DATABASE_PASSWORD", "value": "x"}`), "DATABASE_PASSWORD"},
		"a key in the open":        {"apps/v1:Deployment", pod(`{"name": "AUTH_SIGNING_KEY", "value": "x"}`), "AUTH_SIGNING_KEY"},
		"a URL with a password":    {"apps/v1:Deployment", pod(`{"name": "SERVER", "value": "postgres://me:secret@host/db"}`), "SERVER"},
		"a URL without one":        {"apps/v1:Deployment", pod(`{"name": "SERVER", "value": "https://host:8443/path@1"}`), ""},
		"a secret referred to":     {"apps/v1:Deployment", pod(`{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "url"}}}`), ""},
		"a job's password":         {"batch/v1:Job", pod(`{"name": "KAFKA_PASSWORD", "value": "x"}`), "KAFKA_PASSWORD"},
		"a topic's partition key":  {"apps/v1:Deployment", pod(`{"name": "PARTITION_KEY", "value": "user"}`), ""},
		"a secret argument":        {"apps/v1:Deployment", deployment(`{"name": "app", "args": ["--db=postgres://me:secret@host/db"]}`), "arguments"},
		"a config map of settings": {"core/v1:ConfigMap", `{"data": {"Corefile": "."}}`, ""},
		"a config map of a key":    {"core/v1:ConfigMap", `{"data": {"tls.pem": "-----BEGIN EC PRIVATE KEY-----"}}`, "tls.pem"},
		"a component's password":   {"dapr.io/v1alpha1:Component", `{"spec": {"metadata": [{"name": "saslPassword", "value": "x"}]}}`, "saslPassword"},
		"a component's reference":  {"dapr.io/v1alpha1:Component", `{"spec": {"metadata": [{"name": "saslPassword", "secretKeyRef": {"name": "s", "key": "p"}}]}}`, ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, c.want, check(t, noPlainSecrets, c.token, "", c.properties)) })
	}
}

// ours is the URN of a service.
const ours = "urn:pulumi:prod::companion::companion:workload:Workload$kubernetes:apps/v1:Deployment::backend"

func TestThroughDapr(t *testing.T) {
	service := func(annotations, env string) string {
		return `{"metadata": {"name": "backend"}, "spec": {"template": {"metadata": {"annotations": {` + annotations + `}},
			"spec": {"containers": [{"name": "backend", "env": [` + env + `]}]}}}}`
	}
	const sidecar = `"dapr.io/enabled": "true", "dapr.io/app-id": "backend"`
	for name, c := range map[string]struct{ urn, properties, want string }{
		"a service with its sidecar":  {ours, service(sidecar, `{"name": "PUBSUB_NAME", "value": "pubsub"}`), ""},
		"a service without":           {ours, service("", ""), "no sidecar"},
		"a service of another's name": {ours, service(`"dapr.io/enabled": "true", "dapr.io/app-id": "other"`, ""), "must be its name"},
		"a broker's address":          {ours, service(sidecar, `{"name": "EVENTS", "value": "kafka:9092"}`), "EVENTS"},
		"a broker's setting":          {ours, service(sidecar, `{"name": "KAFKA_USER", "value": "me"}`), "KAFKA_USER"},
		"another service's address":   {ours, service(sidecar, `{"name": "ANALYTICS", "value": "http://analytics.companion.svc/"}`), "ANALYTICS"},
		"what is not a service": {"urn:pulumi:prod::companion::companion:kafka:Kafka$kubernetes:batch/v1:Job::topics",
			service("", `{"name": "KAFKA_BROKERS", "value": "kafka:9092"}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, c.want, check(t, throughDapr, "apps/v1:Deployment", c.urn, c.properties))
		})
	}
}

// What is known only after an update must neither crash a rule nor break it.
func TestUnknownValuesPass(t *testing.T) {
	sidecar := map[string]any{"annotations": map[string]any{"dapr.io/enabled": "true", "dapr.io/app-id": Unknown{}}}
	named := map[string]any{"annotations": map[string]any{"dapr.io/enabled": "true", "dapr.io/app-id": "backend"}}
	for _, rule := range All() {
		for _, properties := range []map[string]any{
			{"spec": Unknown{}}, {"spec": map[string]any{"template": Unknown{}, "listeners": Unknown{}, "tls": Unknown{}, "type": Unknown{}}},
			{"data": map[string]any{"password": Unknown{}}, "spec": Unknown{}},
			{"spec": map[string]any{"parentRefs": []any{map[string]any{"sectionName": Unknown{}}}, "rules": []any{map[string]any{}}, "tls": Unknown{}}},
			{"spec": map[string]any{"tls": Unknown{}, "template": map[string]any{"metadata": sidecar, "spec": map[string]any{"containers": []any{
				map[string]any{"env": []any{map[string]any{"name": "DATABASE_PASSWORD", "value": Unknown{}}}},
			}}}}},
			{"metadata": Unknown{}, "spec": map[string]any{"tls": Unknown{}, "template": map[string]any{
				"metadata": named, "spec": map[string]any{},
			}}},
			{"spec": map[string]any{"tls": Unknown{}, "template": map[string]any{"metadata": map[string]any{"annotations": Unknown{}}, "spec": map[string]any{}}}},
		} {
			for _, token := range []string{"apps/v1:Deployment", "core/v1:ConfigMap", "gateway.networking.k8s.io/v1:Gateway",
				"gateway.networking.k8s.io/v1:HTTPRoute", "networking.k8s.io/v1:Ingress", "core/v1:Service", "dapr.io/v1alpha1:Component"} {
				for _, urn := range []string{"", ours} {
					require.Empty(t, rule.Check(Resource{Type: "kubernetes:" + token, URN: urn, Properties: properties}), "%s on %s", rule.Name, token)
				}
			}
		}
	}
}

func expect(t *testing.T, want string, got []string) {
	t.Helper()
	if want == "" {
		require.Empty(t, got)
		return
	}
	require.Len(t, got, 1)
	require.Contains(t, got[0], want)
}
