package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/companion"
	"github.com/wealth-companion/companion/stacks"
)

var update = flag.Bool("update", false, "write the golden plans anew")

// planned is a resource as the program asks for it.
type planned struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Inputs any    `json:"inputs,omitempty"`
	// What Pulumi may do with it.
	Protected bool     `json:"protected,omitempty"`
	Ignored   []string `json:"ignored,omitempty"` // inputs whose changes are ignored
}

// engine stands for Pulumi's: it writes down what the program asks for, and
// answers as the clouds would.
type engine struct {
	mu    sync.Mutex
	asked []planned
	// expired has the cluster's credentials in the state be too old.
	expired bool
	tier    string // of the registry's subscription; professional when empty
	noZone  bool   // the account does not have the domain
	// schemas are the types in the definitions of charts, by the chart; object when it is none.
	schemas map[string]string
	// noCluster has the cluster be one that is not there yet, as in the first preview.
	noCluster bool
	rendered  int // charts
}

// chartObjects are what a chart renders, as far as the program looks at it: a definition and
// something else. Dapr's has a webhook, with a word where its namespace should be.
func chartObjects(chart, schema string) []any {
	group := chart[strings.LastIndex(chart, "/")+1:] + ".example.com"
	spec := map[string]any{
		"group": group, "scope": "Namespaced", "names": map[string]any{"kind": "Thing", "plural": "things"},
		"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{"openAPIV3Schema": map[string]any{"type": schema}}}},
	}
	if chart == "dapr" {
		spec["conversion"] = map[string]any{"strategy": "Webhook", "webhook": map[string]any{
			"conversionReviewVersions": []any{"v1"},
			"clientConfig":             map[string]any{"service": map[string]any{"namespace": "replaceme", "name": "dapr-webhook", "path": "/convert"}},
		}}
	}
	return []any{
		map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "x", "namespace": "x"}},
		map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": map[string]any{"name": "things." + group, "creationTimestamp": nil}, "spec": spec, "status": map[string]any{"storedVersions": []any{"v1"}},
		},
	}
}

// The kubeconfigs of the state and of a request for a new one.
var (
	stateKubeconfig = kubeconfigOf("https://state.example.com")
	newKubeconfig   = kubeconfigOf("https://new.example.com")
)

func kubeconfigOf(server string) string {
	return "clusters: [{name: x, cluster: {server: " + server + ", certificate-authority-data: QUJD}}]"
}

func (e *engine) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	answer := map[string]any{}
	switch args.Token {
	case "digitalocean:index/getKubernetesCluster:getKubernetesCluster":
		answer["kubeConfigs"] = []any{map[string]any{"rawConfig": newKubeconfig}}
	case "digitalocean:index/getContainerRegistry:getContainerRegistry":
		name := args.Args["name"].StringValue()
		answer["name"], answer["endpoint"], answer["subscriptionTierSlug"] = name, "registry.digitalocean.com/"+name, cmp.Or(e.tier, "professional")
	case "digitalocean:index/getDomain:getDomain":
		if e.noZone {
			return nil, errors.New("404: the domain does not exist")
		}
		answer["name"] = args.Args["name"].StringValue()
	case "digitalocean:index/getLoadBalancer:getLoadBalancer":
		answer["ip"] = "192.0.2.1"
	case "kubernetes:helm:template":
		e.mu.Lock()
		e.rendered++
		e.mu.Unlock()
		var options struct{ Chart string }
		if err := json.Unmarshal([]byte(args.Args["jsonOpts"].StringValue()), &options); err != nil {
			return nil, err
		}
		answer["result"] = chartObjects(options.Chart, cmp.Or(e.schemas[options.Chart], "object"))
	default:
		return nil, fmt.Errorf("nobody answers %s", args.Token)
	}
	return resource.NewPropertyMapFromMap(answer), nil
}

func (e *engine) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	inputs := readable(resource.NewObjectProperty(args.Inputs))
	abbreviate(args.TypeToken, inputs)
	e.asked = append(e.asked, planned{
		Type: args.TypeToken, Name: args.Name, Inputs: inputs, Protected: args.RegisterRPC.GetProtect(), Ignored: args.RegisterRPC.GetIgnoreChanges(),
	})
	state := args.Inputs.Copy()
	object := func(value map[string]any) resource.PropertyValue {
		return resource.NewObjectProperty(resource.NewPropertyMapFromMap(value))
	}
	switch kind := args.TypeToken[strings.LastIndex(args.TypeToken, ":")+1:]; kind {
	case "KubernetesCluster":
		until := time.Now().Add(7 * 24 * time.Hour)
		if e.expired {
			until = time.Now().Add(time.Hour)
		}
		state["kubeConfigs"] = resource.NewArrayProperty([]resource.PropertyValue{object(map[string]any{
			"rawConfig": stateKubeconfig, "expiresAt": until.Format(time.RFC3339),
		})})
	case "Secret":
		if kind, is := state["type"]; is && kind.IsString() && kind.StringValue() == "kubernetes.io/service-account-token" {
			state["data"] = resource.MakeSecret(object(map[string]any{"token": "c2VjcmV0LXRva2Vu"}))
		}
	case "DatabaseCluster":
		state["privateHost"], state["port"] = resource.NewStringProperty("private-companion.db.example.com"), resource.NewNumberProperty(25061)
		state["user"], state["password"] = resource.NewStringProperty("default"), resource.MakeSecret(resource.NewStringProperty("secret-valkey"))
	case "ContainerRegistryDockerCredentials":
		state["dockerCredentials"] = resource.NewStringProperty("secret-docker-configuration")
	case "Gateway":
		state["status"] = object(map[string]any{"addresses": []any{map[string]any{"value": "app.example.com"}}})
	case "Kafka":
		state["status"] = object(map[string]any{"listeners": []any{map[string]any{
			"bootstrapServers": "events-kafka-bootstrap.kafka.svc:9093", "certificates": []any{"a certificate"}}}})
	}
	if e.noCluster && strings.HasSuffix(args.TypeToken, ":KubernetesCluster") {
		return "", state, nil
	}
	return args.Name + "-id", state, nil
}

// abbreviate leaves dashboards out of a plan: they have golden files of their own.
func abbreviate(kind string, inputs any) {
	fields, _ := inputs.(map[string]any)
	metadata, _ := fields["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	if kind != "kubernetes:core/v1:ConfigMap" || labels["grafana_dashboard"] == nil {
		return
	}
	data, _ := fields["data"].(map[string]any)
	for name := range data {
		data[name] = "[observability/dashboards/generated/" + name + "]"
	}
}

// readable turns properties into JSON in which no secret can be read.
func readable(value resource.PropertyValue) any {
	switch {
	case value.IsSecret():
		return "[secret]"
	case value.IsOutput():
		if value.OutputValue().Secret {
			return "[secret]"
		}
		return readable(value.OutputValue().Element)
	case value.IsComputed():
		return "[unknown]"
	case value.IsObject():
		object := map[string]any{}
		for key, inside := range value.ObjectValue() {
			if !strings.HasPrefix(string(key), "__") {
				object[string(key)] = readable(inside)
			}
		}
		return object
	case value.IsArray():
		list := []any{}
		for _, inside := range value.ArrayValue() {
			list = append(list, readable(inside))
		}
		return list
	case value.IsResourceReference():
		return string(value.ResourceReferenceValue().URN)
	}
	return value.V
}

// set sets a value of a configuration; a key with a dot is one value of an object.
func set(t *testing.T, config map[string]string, key, value string) {
	t.Helper()
	key, field, is := strings.Cut(key, ".")
	if !is {
		config[key] = value
		return
	}
	object := map[string]string{}
	require.NoError(t, json.Unmarshal([]byte(config[key]), &object))
	object[field] = value
	raw, err := json.Marshal(object)
	require.NoError(t, err)
	config[key] = string(raw)
}

// account is DigitalOcean's API as far as the program itself asks it: every repository
// but those that are left out has the release, on the second page of its tags.
func account(t *testing.T, without ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		repository, is := strings.CutPrefix(r.URL.Path, "/v2/registry/wealth-companion/repositories/")
		repository, tags := strings.CutSuffix(repository, "/tags")
		if !is || !tags || r.Header.Get("Authorization") != "Bearer secret-token" || slices.Contains(without, repository) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if r.URL.Query().Get("page") == "1" {
			_, _ = fmt.Fprintf(w, `{"tags": [{"tag": "other", "manifest_digest": "sha256:0"}], "links": {"pages": {"next": "http://%s/?page=2", "last": "http://%s/?page=2"}}}`, r.Host, r.Host)
			return
		}
		_, _ = fmt.Fprintf(w, `{"tags": [{"tag": "1a2b3c", "manifest_digest": "%s"}], "links": {}}`, digestOf(repository))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// digestOf is that of a repository's image in the plans.
func digestOf(repository string) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(repository)))
}

// configuration is what the stack's file says, with secrets that are given.
func configuration(t *testing.T, stack string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../Pulumi." + stack + ".yaml")
	require.NoError(t, err)
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(raw, &file))
	flat := map[string]string{
		"digitalocean:token": "secret-token", "companion:release": "1a2b3c", "companion:redisPassword": "secret-redis",
		"companion:authSigningKey": "secret-" + strings.Repeat("k", 32), "companion:sessionKey": "secret-" + strings.Repeat("w", 32), "companion:kafkaSeed": "secret-seed", "companion:sidecarSeed": "secret-sidecars",
		"companion:migrationUrl": database("secret-migrator"), "companion:mailPassword": "secret-mail", "companion:pushPrivateKey": pushPrivateKey,
		"companion:dnsToken": "secret-dns", "companion:alertWebhook": "https://alerts.example.com/secret-webhook", "companion:grafanaPassword": "secret-grafana",
	}
	urls := map[string]string{}
	for _, service := range stacks.DatabaseServices {
		urls[service] = database("secret-" + service)
	}
	given, err := json.Marshal(urls)
	require.NoError(t, err)
	flat["companion:databaseUrls"] = string(given)
	for key, value := range file.Config {
		if text, is := value.(string); is {
			flat[key] = text
			continue
		}
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		flat[key] = string(encoded)
	}
	flat["digitalocean:apiEndpoint"] = account(t) // whatever the file says
	return flat
}

// database is a connection string with that password.
func database(password string) string {
	return "postgres://someone:" + password + "@db.example.com/companion?sslmode=verify-full"
}

// plan runs the program, and returns what it asked for, in an order that says
// nothing of when.
func plan(config map[string]string, stack string) ([]planned, error) {
	return planWith(&engine{}, config, stack)
}

func planWith(e *engine, config map[string]string, stack string) ([]planned, error) {
	program := func(ctx *pulumi.Context) error { return run(ctx, config) }
	err := pulumi.RunErr(program, pulumi.WithMocks("wealth-companion", stack, e), func(info *pulumi.RunInfo) { info.Config = config })
	slices.SortFunc(e.asked, func(a, b planned) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name)) })
	return e.asked, err
}

// TestGoldenPlans compares the plan of each stack with the one that was
// reviewed: `make golden` writes them anew, and git shows what changed.
func TestGoldenPlans(t *testing.T) {
	for _, stack := range []string{"prod", "staging", "rehearsal"} {
		t.Run(stack, func(t *testing.T) {
			asked, err := plan(configuration(t, stack), stack)
			require.NoError(t, err)
			got, err := json.MarshalIndent(asked, "", "  ")
			require.NoError(t, err)
			require.NotContains(t, string(got), "secret-", "a secret would be shown in the plan")
			file := filepath.Join("testdata", stack+".json")
			if *update {
				require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(got), "read the difference; `make golden` takes it over")
		})
	}
}

// TestStacksDifferInSettingsOnly: what is rehearsed must be what runs.
func TestStacksDifferInSettingsOnly(t *testing.T) {
	kinds := map[string]map[string]bool{}
	for _, stack := range []string{"prod", "rehearsal"} {
		asked, err := plan(configuration(t, stack), stack)
		require.NoError(t, err)
		kinds[stack] = map[string]bool{}
		for _, one := range asked {
			// Which state store there is, TestTheStateStore tells.
			if !storeName.MatchString(one.Name) {
				kinds[stack][one.Type+" "+one.Name] = true
			}
		}
	}
	only := func(one, other string) []string {
		var found []string
		for resource := range kinds[one] {
			if !kinds[other][resource] {
				found = append(found, resource)
			}
		}
		slices.Sort(found)
		return found
	}
	// The differences: who signs certificates, and what that takes; whom alerts go to, by
	// whose content a Secret is named; and Grafana, which is not built here.
	require.Equal(t, []string{"kubernetes:cilium.io/v2:CiliumNetworkPolicy companion-observability-api-server-3",
		"kubernetes:core/v1:Secret companion-edge-digitalocean-dns",
		"kubernetes:core/v1:Secret companion-observability-alerting-835a94db60",
		"kubernetes:core/v1:Secret companion-observability-grafana-6e1c04ff31",
		"kubernetes:networking.k8s.io/v1:NetworkPolicy companion-edge-cert-manager-acme",
		"kubernetes:networking.k8s.io/v1:NetworkPolicy companion-edge-cert-manager-name-servers"}, only("prod", "rehearsal"))
	require.Equal(t, []string{
		"kubernetes:cert-manager.io/v1:Certificate companion-edge-authority",
		"kubernetes:cert-manager.io/v1:ClusterIssuer companion-edge-self-signed",
		"kubernetes:core/v1:ConfigMap companion-app-drills-allowed", // nothing is killed for a drill in prod
		// What prod has when somebody who provides it is set up: e-mail, push, a model.
		"kubernetes:core/v1:Secret companion-app-push-c922c4712b",
		"kubernetes:core/v1:Secret companion-observability-alerting-fbc6525d25",
		"kubernetes:dapr.io/v1alpha1:Component companion-app-component-conversation",
	}, only("rehearsal", "prod"))
}

var storeName = regexp.MustCompile(`^companion-(app-)?(redis|valkey)\b`)

// TestTheStateStore: prod's is DigitalOcean's, in the cluster's network and for the cluster
// alone; the others' is in the cluster.
func TestTheStateStore(t *testing.T) {
	for stack, managed := range map[string]bool{"prod": true, "staging": false, "rehearsal": false} {
		asked, err := plan(configuration(t, stack), stack)
		require.NoError(t, err)
		found := map[string]bool{}
		for _, one := range asked {
			found[one.Type[strings.LastIndex(one.Type, ":")+1:]+" "+one.Name] = true
		}
		require.Equal(t, managed, found["DatabaseCluster companion-valkey"], stack)
		require.Equal(t, managed, found["DatabaseFirewall companion-valkey"], stack)
		require.Equal(t, !managed, found["Deployment companion-redis"], stack)
		require.Equal(t, !managed, found["Namespace companion-redis"], stack)
	}
	asked, err := plan(configuration(t, "prod"), "prod")
	require.NoError(t, err)
	database := of(t, asked, "DatabaseCluster", "companion-valkey")
	require.Equal(t, "companion-cluster-id", at(t, database.Inputs, "privateNetworkUuid"), "in the cluster's network")
	require.True(t, database.Protected)
	require.Equal(t, []any{map[string]any{"type": "k8s", "value": "companion-cluster-id"}}, at(t, of(t, asked, "DatabaseFirewall", "companion-valkey").Inputs, "rules"))

	component := of(t, asked, "Component", "companion-app-component-state").Inputs
	require.Equal(t, []any{"backend"}, at(t, component, "scopes"))
	name := at(t, of(t, asked, "Secret", "companion-app-redis").Inputs, "metadata", "name")
	require.Regexp(t, `^redis-[0-9a-f]{10}$`, name, "another password is another Secret")
	settings := map[any]any{}
	for _, entry := range at(t, component, "spec", "metadata").([]any) {
		settings[at(t, entry, "name")] = entry
	}
	require.Equal(t, "private-companion.db.example.com:25061", at(t, settings["redisHost"], "value"))
	require.Equal(t, "true", at(t, settings["enableTLS"], "value"))
	require.Equal(t, map[string]any{"name": name, "key": "password"}, at(t, settings["redisPassword"], "secretKeyRef"))
	require.Contains(t, at(t, of(t, asked, "Role", "companion-app-backend-secrets").Inputs, "rules", 0, "resourceNames"), name)

	config := configuration(t, "prod")
	delete(config, "companion:redisPassword")
	_, err = plan(config, "prod")
	require.NoError(t, err, "DigitalOcean chooses the password")
}

func TestWrongConfigurationIsReportedBeforeAnythingIsCreated(t *testing.T) {
	for name, c := range map[string]struct {
		key, value, want string
	}{
		"no domain":              {"companion:domain", "", "companion:domain"},
		"two brokers":            {"companion:kafka", `{"brokers": 2}`, "companion:kafka.brokers"},
		"a shape that is none":   {"companion:cluster", `[]`, "companion:cluster"},
		"a key of nothing":       {"companion:dapr", `{"haa": true}`, "companion:dapr.haa is no key: did you mean ha?"},
		"an issuer that is none": {"companion:issuer", `{"kind": "magic"}`, "companion:issuer.kind"},
		"a missing secret":       {"companion:kafkaSeed", "", "pulumi config set --secret"},
		"a missing DNS token":    {"companion:dnsToken", "", "pulumi config set --secret companion:dnsToken"},
	} {
		t.Run(name, func(t *testing.T) {
			config := maps.Clone(configuration(t, "prod"))
			set(t, config, c.key, c.value)
			asked, err := plan(config, "prod")
			require.Error(t, err)
			require.Contains(t, err.Error(), c.want)
			for _, one := range asked {
				require.Equal(t, "pulumi:pulumi:Stack", one.Type, fmt.Sprintf("%s is made", one.Name))
			}
		})
	}
}

// A pair of keys for push messages, of nobody's.
const (
	pushPrivateKey = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
	pushPublicKey  = "BFFcPW6545a5BNP-yn9U_c0MwemXvzddylFa0KbDtANfRTa-OlDzGPv5pUdZAqIhUCvvDVfgjFOyzApW8X2fk1Q"
)

// TestOptions: what is configured is deployed, with its secret where it belongs
// and nowhere else.
func TestOptions(t *testing.T) {
	config := configuration(t, "prod")
	for key, value := range map[string]string{
		"companion:mail":             `{"host": "smtp.example.com", "port": 587, "user": "companion", "from": "alerts@example.com"}`,
		"companion:push":             `{"contact": "mailto:platform@example.com"}`,
		"companion:oidc":             `{"issuer": "https://id.example.com", "clientId": "companion"}`,
		"companion:conversation":     `{"kind": "conversation.openai", "metadata": {"model": "small"}}`,
		"companion:oidcClientSecret": "secret-oidc", "companion:conversationKey": "secret-model",
	} {
		config[key] = value
	}
	asked, err := plan(config, "prod")
	require.NoError(t, err)
	raw, err := json.Marshal(asked)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "secret-")
	require.NotContains(t, string(raw), pushPrivateKey)
	deployed := map[string]string{}
	for _, one := range asked {
		inputs, err := json.Marshal(one.Inputs)
		require.NoError(t, err)
		deployed[one.Type[strings.LastIndex(one.Type, ":")+1:]+" "+one.Name] = string(inputs)
	}
	require.Contains(t, deployed["Component companion-app-component-conversation"], "conversation.openai")
	for service, wants := range map[string][]string{
		"backend": {"OIDC_ISSUER", "OIDC_CLIENT_SECRET", pushPublicKey}, "notification": {"MAIL_HOST", "starttls", "MAIL_PASSWORD", "VAPID_PRIVATE_KEY"}, "banking": {"CONVERSATION_COMPONENT"},
	} {
		for _, want := range wants {
			require.Contains(t, deployed["Deployment companion-app-"+service], want)
		}
	}
	require.NotContains(t, deployed["Deployment companion-app-mcp"], "CONVERSATION_COMPONENT")

	config["companion:pushPrivateKey"] = pushPrivateKey[1:]
	_, err = plan(config, "prod")
	require.ErrorContains(t, err, "companion:pushPrivateKey is no private key")
	delete(config, "companion:mailPassword")
	_, err = plan(config, "prod")
	require.ErrorContains(t, err, "pulumi config set --secret companion:mailPassword")
}

// TestServicesAreTheSameEverywhere: the services that events go between are
// those that have a database, and every service can be sized.
func TestServicesAreTheSameEverywhere(t *testing.T) {
	require.ElementsMatch(t, event.Services(), stacks.DatabaseServices)
	require.ElementsMatch(t, companion.Names(), slices.Collect(maps.Keys(stacks.Services{}.ByName())))
}

// TestAChangedSecretRollsWhatReadsIt compares the plan with that of other secrets. What is
// not named here is as before: no other pod is replaced.
func TestAChangedSecretRollsWhatReadsIt(t *testing.T) {
	kindAndName := func(p planned) string {
		return p.Type[strings.LastIndex(p.Type, ":")+1:] + " " + version.ReplaceAllString(p.Name, "")
	}
	// prod's twin, whose state store has a password of the configuration.
	const stack = "staging"
	for name, c := range map[string]struct {
		key, value string
		changes    []string
	}{
		"a service's database": {
			"companion:databaseUrls.banking", database("secret-other"),
			[]string{"Deployment companion-app-banking", "Secret companion-app-banking-database"},
		},
		"the migrator's database": {
			"companion:migrationUrl", database("secret-other"),
			[]string{"Job companion-app-migration", "Secret companion-app-migration-database"},
		},
		"a new password of Redis, and the one before": {
			"companion:redisPassword", `["secret-other","secret-redis"]`,
			[]string{
				"Component companion-app-component-state", "Deployment companion-app-backend", "Deployment companion-redis", "Role companion-app-backend-secrets",
				"Secret companion-app-redis", "Secret companion-redis-users",
			},
		},
		"the password of Redis before is not accepted any more": {
			"companion:redisPassword", `["secret-redis","secret-other"]`,
			[]string{"Deployment companion-redis", "Secret companion-redis-users"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := configuration(t, stack)
			before, err := plan(config, stack)
			require.NoError(t, err)
			set(t, config, c.key, c.value)
			after, err := plan(config, stack)
			require.NoError(t, err)
			var changed []string
			for _, one := range after {
				if !slices.ContainsFunc(before, func(other planned) bool { return assert.ObjectsAreEqual(one, other) }) {
					changed = append(changed, kindAndName(one))
				}
			}
			slices.Sort(changed)
			require.Equal(t, c.changes, changed)
		})
	}
}

// DigitalOcean's own databases, for one, do not listen at PostgreSQL's usual port.
func TestServicesMayReachTheirDatabaseAtItsPort(t *testing.T) {
	config := configuration(t, "prod")
	config["companion:migrationUrl"] = strings.Replace(database("secret-migrator"), ".com/", ".com:25060/", 1)
	set(t, config, "companion:databaseUrls.banking", strings.Replace(database("secret-banking"), ".com/", ".com:25061/", 1))
	_, err := plan(config, "prod")
	require.ErrorContains(t, err, "pooler")
	set(t, config, "companion:databaseUrls.banking", strings.Replace(database("secret-banking"), ".com/", ".com:25060/", 1))
	planned, err := plan(config, "prod")
	require.NoError(t, err)
	var there []string
	for _, one := range planned {
		if raw, err := json.Marshal(one.Inputs); err == nil && strings.Contains(string(raw), "25060") {
			there = append(there, one.Name)
		}
	}
	require.ElementsMatch(t, []string{"companion-app-banking", "companion-app-migration"}, there)
}

// version is that of a Secret, or of the catalogue of topics, at the end of a name.
var version = regexp.MustCompile(`-[0-9a-f]{8}([0-9a-f]{2})?$`)
