//go:build integration

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"maps"
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

// preview returns what the pack found, rule to messages, and whether Pulumi
// would go on.
func (e *engine) preview(program pulumi.RunFunc) (map[string][]string, error) {
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
	stream := make(chan events.EngineEvent)
	found, done := map[string][]string{}, make(chan struct{})
	go func() {
		defer close(done)
		for event := range stream {
			if event.PolicyEvent != nil {
				name := event.PolicyEvent.PolicyName
				found[name] = append(found[name], event.PolicyEvent.EnforcementLevel+": "+event.PolicyEvent.Message)
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

// object is a manifest, and the component that it is in.
type object struct {
	token, name string
	manifest    map[string]any
	workload    bool // one of our services
}

type m = map[string]any

// service is a service as the platform makes it: a sidecar, and its secrets by
// reference.
func service(env ...any) object {
	return object{"kubernetes:apps/v1:Deployment", "backend", m{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": m{"name": "backend", "namespace": "companion"},
		"spec": m{"selector": m{"matchLabels": m{"app": "backend"}}, "template": m{
			"metadata": m{"labels": m{"app": "backend"}, "annotations": m{"dapr.io/enabled": "true", "dapr.io/app-id": "backend"}},
			"spec":     m{"containers": []any{m{"name": "backend", "image": "backend:1", "env": env}}},
		}},
	}, true}
}

func gateway(listeners ...any) object {
	return object{"kubernetes:gateway.networking.k8s.io/v1:Gateway", "edge", m{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": m{"name": "edge", "namespace": "companion"},
		"spec": m{"gatewayClassName": "nginx", "listeners": listeners},
	}, false}
}

var (
	httpsListener = m{"name": "https", "protocol": "HTTPS", "port": 443, "tls": m{"certificateRefs": []any{m{"name": "tls"}}}}
	byReference   = m{"name": "DATABASE_URL", "valueFrom": m{"secretKeyRef": m{"name": "backend", "key": "url"}}}
)

// later stands for a value that is known only after an update.
type later struct{}

// input is a manifest as a program gives it to Pulumi, so that of a map with one
// unknown value the rest is known.
func input(value any, unknown pulumi.Input) pulumi.Input {
	switch value := value.(type) {
	case later:
		return unknown
	case m:
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
	case int:
		return pulumi.Int(value)
	default:
		return pulumi.String(value.(string))
	}
}

// program makes the objects on a cluster that is still to come.
func program(objects ...object) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		cluster := &provider{}
		if err := ctx.RegisterResource("pulumi:providers:kubernetes", "cluster",
			pulumi.Map{"kubeconfig": pulumi.String("apiVersion: v1\nkind: Config\n")}, cluster); err != nil {
			return err
		}
		secret := &custom{}
		if err := ctx.RegisterResource("kubernetes:core/v1:Secret", "login", input(m{
			"apiVersion": "v1", "kind": "Secret", "metadata": m{"name": "login"}, "stringData": m{"password": "in its place"},
		}, nil).(pulumi.Map), secret, pulumi.Provider(cluster)); err != nil {
			return err
		}
		for _, o := range objects {
			options := []pulumi.ResourceOption{pulumi.Provider(cluster)}
			if o.workload {
				parent := &component{}
				if err := ctx.RegisterComponentResource("companion:workload:Workload", o.name, parent); err != nil {
					return err
				}
				options = append(options, pulumi.Parent(parent))
			}
			if err := ctx.RegisterResource(o.token, o.name, input(o.manifest, secret.ID()).(pulumi.Map), &custom{}, options...); err != nil {
				return err
			}
		}
		return nil
	}
}

// Each rule's own table is in package rules; this is that a violation of any of
// them stops Pulumi.
func TestPackBlocksThePlan(t *testing.T) {
	e := newEngine(t)
	// What is known only after an update is no violation, and no end of the pack.
	found, err := e.preview(program(service(byReference, m{"name": "SESSION_TOKEN", "value": later{}}), gateway(httpsListener)))
	require.NoError(t, err, "a program that keeps to the rules")
	require.Empty(t, found)

	violations := map[string]struct {
		objects []object
		message string
	}{
		"tls-on-every-ingress": {
			[]object{service(byReference), gateway(m{"name": "https", "protocol": "HTTPS", "port": 443})},
			`listener "https" has no certificate: name its secret in tls.certificateRefs`,
		},
		"no-plain-secrets": {
			[]object{service(byReference, m{"name": "SMTP_PASSWORD", "value": "hunter2"}), gateway(httpsListener)},
			`container "backend" has the secret SMTP_PASSWORD in its environment: take it from a Secret by valueFrom.secretKeyRef`,
		},
		"services-through-dapr": {
			[]object{service(byReference, m{"name": "ANALYTICS", "value": "http://analytics.companion.svc:8080"}), gateway(httpsListener)},
			`the service is given an address (ANALYTICS): have it ask its sidecar by a component's or an app's name`,
		},
	}
	var names []string
	for _, rule := range rules.All() {
		names = append(names, rule.Name)
	}
	require.ElementsMatch(t, names, slices.Collect(maps.Keys(violations)), "a rule without a violation here may block nothing")
	for rule, c := range violations {
		t.Run(rule, func(t *testing.T) {
			found, err := e.preview(program(c.objects...))
			require.Error(t, err, "Pulumi would go on")
			require.Equal(t, []string{rule}, slices.Collect(maps.Keys(found)))
			require.Len(t, found[rule], 1)
			require.Contains(t, found[rule][0], "mandatory: ")
			require.Contains(t, found[rule][0], c.message)
			require.ErrorContains(t, err, rule, "who reads Pulumi's output sees which rule it was")
			require.ErrorContains(t, err, c.message)
		})
	}
}
