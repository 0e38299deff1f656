package observability

import (
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
)

// Grafana shows the dashboards, to who logs in.
type Grafana struct {
	Password  secret.Text // of the user admin
	Resources kube.Requirements
}

// dashboardLabel is the label of the ConfigMaps that Grafana takes dashboards from; its value
// is "1".
const dashboardLabel = "grafana_dashboard"

func (g *Grafana) check() error {
	if g == nil {
		return nil
	}
	return kube.Check("observability.ObservabilityArgs", map[string]any{
		"Grafana.Password": string(g.Password), "Grafana.Resources.Memory": g.Resources.Memory,
	})
}

// grafanaLabels are those of Grafana's pods, as its chart sets them.
func grafanaLabels() pulumi.StringMap {
	return pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("grafana")}
}

// The keys of the Secret with which Grafana's first user logs in: those that the chart looks for.
const (
	userKey     = "admin-user"
	passwordKey = "admin-password"
)

func (g *Grafana) newLogin(ctx *pulumi.Context, name string, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (secret.Immutable, error) {
	return secret.NewImmutable(ctx, name+"-grafana", "grafana", namespace, secret.Of(map[string]secret.Text{userKey: "admin", passwordKey: g.Password}), opts...)
}

// values are Grafana's, for its chart within kube-prometheus-stack; login is the Secret that
// newLogin created. Nothing is kept in it: dashboards are the program's, and changes that people
// make by hand are gone with the pod.
func (g *Grafana) values(login string) map[string]any {
	off := map[string]any{"enabled": false}
	return map[string]any{
		"enabled":                  true,
		"defaultDashboardsEnabled": false, // of the chart's own, for metrics that are not read here
		"admin":                    map[string]any{"existingSecret": login},
		// It reads ConfigMaps of this namespace and of no other.
		"rbac":    map[string]any{"namespaced": true},
		"service": map[string]any{"type": "ClusterIP"},
		"ingress": off, "testFramework": off, "persistence": off,
		"serviceMonitor": off, // what it says of itself nobody reads
		"sidecar": map[string]any{
			"dashboards":  map[string]any{"enabled": true, "label": dashboardLabel, "labelValue": "1", "searchNamespace": kube.MetricsNamespace},
			"datasources": map[string]any{"enabled": true, "searchNamespace": kube.MetricsNamespace},
			"resources":   kube.Requirements{CPU: "10m", Memory: "64Mi", MemoryLimit: "128Mi"}.Values(),
		},
		"grafana.ini": map[string]any{
			"auth.anonymous": off,
			"users":          map[string]any{"allow_sign_up": false},
			// It can reach nothing outside, and need not try.
			"analytics": map[string]any{"reporting_enabled": false, "check_for_updates": false, "check_for_plugin_updates": false},
			"plugins":   map[string]any{"public_key_retrieval_disabled": true, "preinstall_disabled": true},
			"security":  map[string]any{"disable_gravatar": true},
			"news":      map[string]any{"news_feed_enabled": false},
		},
		"priorityClassName": kube.ServicePriority,
		"resources":         g.Resources.Values(),
	}
}

// newDashboards lays dashboards where Grafana looks for them, and companionctl.
func newDashboards(ctx *pulumi.Context, name string, dashboards map[string]string, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	for _, its := range slices.Sorted(maps.Keys(dashboards)) {
		if _, err := corev1.NewConfigMap(ctx, name+"-dashboard-"+its, &corev1.ConfigMapArgs{
			Metadata: metav1.ObjectMetaArgs{
				Name: pulumi.String("dashboard-" + its), Namespace: namespace.ToStringOutput(), Labels: pulumi.StringMap{dashboardLabel: pulumi.String("1")},
			},
			Data: pulumi.StringMap{its + ".json": pulumi.String(dashboards[its])},
		}, opts...); err != nil {
			return err
		}
	}
	return nil
}
