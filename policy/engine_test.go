//go:build integration

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/policy/corpus"
	"github.com/wealth-companion/companion/policy/levels"
	"github.com/wealth-companion/companion/policy/rules"
)

// programs builds the engine, the Kubernetes plugin and the pack, unless they
// were built, and returns where they are.
func programs(t *testing.T) map[string]string {
	t.Helper()
	names := []string{"pulumi", "pulumi-resource-kubernetes", "companion-policy"}
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "./cmd/rehearsal", "build"}, names...)...)
	cmd.Dir = filepath.Join("..", "rehearsal")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%s", &said)
	paths := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		name, path, _ := strings.Cut(lines.Text(), "=")
		paths[name] = path
	}
	for _, name := range names {
		require.FileExists(t, paths[name], name)
	}
	return paths
}

// engine previews programs with the real Pulumi, gated by the built pack.
type engine struct {
	t       *testing.T
	root    string // Pulumi's home and state
	pack    string
	command auto.PulumiCommand
	text    strings.Builder
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	built := programs(t)
	e := &engine{t: t, root: t.TempDir(), pack: built["companion-policy"]}
	plugin := filepath.Join(e.root, "home", "plugins", "resource-kubernetes-v4.30.0", "pulumi-resource-kubernetes")
	for link, program := range map[string]string{
		filepath.Join(e.root, "bin", "pulumi"): built["pulumi"],
		plugin:                                 built["pulumi-resource-kubernetes"],
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o755))
		require.NoError(t, os.Symlink(program, link))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(e.root, "state"), 0o755))
	var err error
	e.command, err = auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: e.root})
	require.NoError(t, err)
	return e
}

// violation is one that the pack reported: of a resource, or of the stack when the URN is
// that of none.
type violation struct{ urn, policy, level, message string }

// said is what the pack wrote, as the engine showed it at the last preview.
func (e *engine) said() string { return e.text.String() }

// preview returns what the pack found, and whether Pulumi would go on. Policy is the
// stack's companion:policy; empty: it has none.
func (e *engine) preview(policy string, program pulumi.RunFunc) ([]violation, error) {
	e.t.Helper()
	ctx, stop := context.WithTimeout(e.t.Context(), 3*time.Minute)
	defer stop()
	stack, err := auto.UpsertStackInlineSource(ctx, "test", "policies", program,
		auto.Pulumi(e.command), auto.PulumiHome(filepath.Join(e.root, "home")), auto.WorkDir(e.t.TempDir()),
		auto.EnvVars(map[string]string{
			"PULUMI_BACKEND_URL":                          "file://" + filepath.Join(e.root, "state"),
			"PULUMI_CONFIG_PASSPHRASE":                    "test",
			"PULUMI_SKIP_UPDATE_CHECK":                    "true",
			"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		}))
	require.NoError(e.t, err)
	if policy != "" {
		require.NoError(e.t, stack.SetConfig(ctx, "companion:policy", auto.ConfigValue{Value: policy}))
	}
	stream := make(chan events.EngineEvent)
	var found []violation
	done := make(chan struct{})
	e.text.Reset()
	go func() {
		defer close(done)
		for event := range stream {
			if d := event.DiagnosticEvent; d != nil {
				e.text.WriteString(d.Message)
			}
			if p := event.PolicyEvent; p != nil {
				found = append(found, violation{p.ResourceURN, p.PolicyName, p.EnforcementLevel, p.Message})
			}
		}
	}()
	_, err = stack.Preview(ctx, optpreview.PolicyPacks(e.pack), optpreview.EventStreams(stream))
	select {
	case <-done:
	case <-ctx.Done():
		require.FailNow(e.t, "Pulumi's events do not end", "%v", err)
	}
	return found, err
}

type (
	custom    struct{ pulumi.CustomResourceState }
	component struct{ pulumi.ResourceState }
	provider  struct{ pulumi.ProviderResourceState }
)

// input is a value as a program gives it to Pulumi, so that of a map with one unknown
// value the rest is known.
func input(value any, unknown pulumi.Input) pulumi.Input {
	switch value := value.(type) {
	case rules.Unknown:
		return unknown
	case rules.Sealed:
		return pulumi.ToSecret(input(value.Value, unknown))
	case map[string]any:
		made := pulumi.Map{}
		for key, inside := range value {
			made[key] = input(inside, unknown)
		}
		return made
	case []any:
		made := pulumi.Array{}
		for _, inside := range value {
			made = append(made, input(inside, unknown))
		}
		return made
	case float64:
		return pulumi.Float64(value)
	case bool:
		return pulumi.Bool(value)
	case nil:
		return nil
	}
	return pulumi.String(value.(string))
}

// program makes the resources on a cluster that is still to come.
func program(cases ...corpus.Case) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		cluster := &provider{}
		if err := ctx.RegisterResource("pulumi:providers:kubernetes", "cluster",
			pulumi.Map{"kubeconfig": pulumi.ToSecret(pulumi.String("apiVersion: v1\nkind: Config\n"))}, cluster); err != nil {
			return err
		}
		unknown := &custom{}
		if err := ctx.RegisterResource("kubernetes:core/v1:ServiceAccount", "known-later", pulumi.Map{"metadata": pulumi.Map{"name": pulumi.String("later")}},
			unknown, pulumi.Provider(cluster)); err != nil {
			return err
		}
		for _, c := range cases {
			options := []pulumi.ResourceOption{pulumi.Protect(c.Protect)}
			for i, parent := range c.In {
				made := &component{}
				if err := ctx.RegisterComponentResource(parent, fmt.Sprintf("%s-%d", c.Name, i), made, options...); err != nil {
					return err
				}
				options = []pulumi.ResourceOption{pulumi.Protect(c.Protect), pulumi.Parent(made)}
			}
			properties := input(c.Properties, unknown.ID()).(pulumi.Map)
			if c.Component {
				if err := ctx.RegisterComponentResourceV2(c.Type, c.Name, properties, &component{}, options...); err != nil {
					return err
				}
				continue
			}
			if err := ctx.RegisterResource(c.Type, c.Name, properties, &custom{}, append(options, pulumi.Provider(cluster))...); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestPackBlocksThePlan has the real engine preview every case of the corpus: what breaks
// a rule is reported for its resource, at a level that blocks, and nothing else is.
func TestPackBlocksThePlan(t *testing.T) {
	e := newEngine(t)
	cases, err := corpus.Cases()
	require.NoError(t, err)
	found, err := e.preview("", program(cases...))
	require.Error(t, err, "Pulumi would go on")
	for _, c := range cases {
		t.Run(c.Title, func(t *testing.T) {
			var broken []string
			for _, v := range found {
				if rule, exists := rules.Find(v.policy); v.urn == c.URN("test") && exists && !rule.ForPlan() {
					require.Equal(t, "mandatory", v.level)
					require.Contains(t, v.message, fmt.Sprintf("Principle %d, %s.", rule.Principle, rule.Principle))
					require.Contains(t, v.message, c.Resource().Label()+": ")
					require.Contains(t, v.message, "Remedy: ")
					broken = append(broken, v.policy)
				}
			}
			slices.Sort(broken)
			require.Equal(t, c.Breaks, slices.Compact(broken))
		})
	}
}

func TestWhatKeepsToTheRulesPasses(t *testing.T) {
	e := newEngine(t)
	found, err := e.preview("", program(whole()...))
	require.NoError(t, err)
	require.Empty(t, found)
	require.Contains(t, e.said(), "0 violations block, 0 are excepted", "the report for whoever reviews")
}

// TestPlansAreBlockedAsAWhole is about the rules that look at all resources of a stack.
func TestPlansAreBlockedAsAWhole(t *testing.T) {
	e := newEngine(t)
	cases := append(whole(), broken()...)
	found, err := e.preview(`{"monthlyBudget": 1}`, program(cases...))
	require.Error(t, err, "Pulumi would go on")
	for _, rule := range rules.All() {
		if !rule.ForPlan() {
			continue
		}
		t.Run(rule.Name, func(t *testing.T) {
			at := slices.IndexFunc(found, func(v violation) bool { return v.policy == rule.Name })
			require.GreaterOrEqual(t, at, 0, "nothing reported")
			require.Equal(t, "mandatory", found[at].level)
			require.ErrorContains(t, err, rule.Name, "who reads Pulumi's output sees which rule it was")
		})
	}

	t.Run("exceptions let pass what they name, and show it", func(t *testing.T) {
		var exceptions []string
		for _, v := range found {
			exceptions = append(exceptions, fmt.Sprintf(`{"rule": %q, "resources": ["*"], "reason": "not built yet, says who reviews"}`, v.policy))
		}
		slices.Sort(exceptions)
		policy := fmt.Sprintf(`{"monthlyBudget": 1, "exceptions": [%s, {"rule": "no-commands", "resources": ["x"], "reason": "nothing needs it any more"}]}`, strings.Join(slices.Compact(exceptions), ", "))
		shown, err := e.preview(policy, program(cases...))
		require.NoError(t, err)
		require.Len(t, shown, len(found)+1)
		require.Contains(t, e.said(), "Excepted from two-replicas (principle 3): not built yet, says who reviews")
		require.Contains(t, e.said(), "of a budget of $1")
		for _, v := range shown {
			require.Equal(t, "advisory", v.level)
			if v.policy == "exceptions-are-needed" {
				require.Contains(t, v.message, "no-commands holds for x")
				continue
			}
			_, exception := levels.RuleOf(v.policy)
			require.True(t, exception, v.policy)
			require.Contains(t, v.message, "Exception: not built yet")
		}
	})

	t.Run("a configuration that is none is an error", func(t *testing.T) {
		_, err := e.preview(`{"exceptions": [{"rule": "no-rule", "resources": ["*"], "reason": "because it is so"}]}`, program())
		require.ErrorContains(t, err, `companion:policy.exceptions.0.rule is "no-rule"`)
	})
}

func kubernetes(token, name string, properties map[string]any, in ...string) corpus.Case {
	properties["metadata"] = map[string]any{"name": name, "namespace": "companion"}
	return corpus.Case{Type: "kubernetes:" + token, Name: name + "-" + token[strings.LastIndex(token, ":")+1:], Properties: properties, In: in}
}

type m = map[string]any

// deployment is a service that keeps to every rule about single resources.
func deployment(name string, replicas any) corpus.Case {
	probe := m{"httpGet": m{"path": "/healthz", "port": 8082.0}}
	spec := m{"template": m{
		"metadata": m{"labels": m{"app": name}, "annotations": m{
			"dapr.io/enabled": "true", "dapr.io/app-id": name, "dapr.io/config": "companion", "dapr.io/log-as-json": "true",
			"dapr.io/sidecar-cpu-request": "10m", "dapr.io/sidecar-memory-request": "16Mi", "dapr.io/sidecar-memory-limit": "64Mi",
			"dapr.io/api-token-secret": "sidecar-token", "dapr.io/app-token-secret": "app-token",
		}},
		"spec": m{
			"securityContext":           m{"runAsNonRoot": true, "seccompProfile": m{"type": "RuntimeDefault"}},
			"topologySpreadConstraints": []any{m{"maxSkew": 1.0, "topologyKey": "kubernetes.io/hostname"}},
			"containers": []any{m{
				"name": name, "image": "registry.digitalocean.com/wealth-companion/" + name + "@sha256:" + strings.Repeat("0", 64),
				"resources":       m{"requests": m{"cpu": "10m", "memory": "16Mi"}, "limits": m{"memory": "32Mi"}},
				"securityContext": m{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": m{"drop": []any{"ALL"}}},
				"livenessProbe":   probe, "readinessProbe": probe,
				"env": []any{
					m{"name": "DAPR_API_TOKEN", "valueFrom": m{"secretKeyRef": m{"name": "sidecar-token", "key": "token"}}},
					m{"name": "APP_API_TOKEN", "valueFrom": m{"secretKeyRef": m{"name": "app-token", "key": "token"}}},
				},
			}},
		},
	}}
	if replicas != nil {
		spec["replicas"] = replicas
	}
	return kubernetes("apps/v1:Deployment", name, m{"spec": spec}, "companion:workload:Workload")
}

// whole is a stack that keeps to every rule.
func whole() []corpus.Case {
	namespace := kubernetes("core/v1:Namespace", "companion", m{})
	namespace.Properties["metadata"] = m{"name": "companion", "labels": m{"pod-security.kubernetes.io/enforce": "restricted"}}
	dashboard := kubernetes("core/v1:ConfigMap", "dashboard", m{"data": m{"backend.json": `{"panels": [{"title": "backend"}]}`}})
	dashboard.Properties["metadata"] = m{"name": "dashboard", "namespace": "companion", "labels": m{"grafana_dashboard": "1"}}
	return []corpus.Case{
		namespace, dashboard, deployment("backend", nil),
		kubernetes("networking.k8s.io/v1:NetworkPolicy", "deny", m{"spec": m{"podSelector": m{}, "policyTypes": []any{"Ingress", "Egress"}}}),
		kubernetes("policy/v1:PodDisruptionBudget", "backend", m{"spec": m{"maxUnavailable": 1.0, "selector": m{"matchLabels": m{"app": "backend"}}}}),
		kubernetes("autoscaling/v2:HorizontalPodAutoscaler", "backend", m{"spec": m{
			"minReplicas": 2.0, "maxReplicas": 5.0, "scaleTargetRef": m{"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend"},
		}}),
		kubernetes("monitoring.coreos.com/v1:PodMonitor", "backend", m{"spec": m{"selector": m{"matchLabels": m{"app": "backend"}}}}),
		kubernetes("monitoring.coreos.com/v1:PrometheusRule", "backend", m{"spec": m{"groups": []any{m{"rules": []any{m{"alert": "Slow", "labels": m{"service": "backend"}}}}}}}),
	}
}

// broken breaks every rule that looks at all resources, laid over whole.
func broken() []corpus.Case {
	open := kubernetes("core/v1:Namespace", "open", m{})
	open.Properties["metadata"] = m{"name": "open", "labels": m{"pod-security.kubernetes.io/enforce": "restricted"}}
	return []corpus.Case{
		open, deployment("banking", 1.0), deployment("investment", 3.0),
		kubernetes("autoscaling/v2:HorizontalPodAutoscaler", "investment", m{"spec": m{
			"minReplicas": 2.0, "maxReplicas": 5.0, "scaleTargetRef": m{"apiVersion": "apps/v1", "kind": "Deployment", "name": "investment"},
		}}),
		{Type: "kubernetes:core/v1:PersistentVolumeClaim", Name: "volume", Protect: true, Properties: m{
			"metadata": m{"name": "volume", "namespace": "companion"}, "spec": m{"resources": m{"requests": m{"storage": "50Gi"}}},
		}},
		{Type: "digitalocean:index/databaseCluster:DatabaseCluster", Name: "open", Component: true, Properties: m{ // whose plugin this engine does not have
			"name": "open", "engine": "valkey", "version": "8", "size": "db-s-1vcpu-1gb", "region": "fra1", "nodeCount": 1.0,
		}},
	}
}
