package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the golden plans anew")

// planned is a resource as the program asks for it.
type planned struct {
	Type      string         `json:"type"`
	Name      string         `json:"name"`
	Inputs    map[string]any `json:"inputs,omitempty"`
	Protected bool           `json:"protected,omitempty"`
	// Imported is the id of the object that the resource takes over.
	Imported string `json:"imported,omitempty"`
}

// account stands for DigitalOcean's: full, it has the registry and the zones already.
type account struct {
	full bool

	mu    sync.Mutex
	asked []planned
}

func (a *account) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if !a.full {
		return nil, errors.New("404: it does not exist")
	}
	return resource.PropertyMap{}, nil
}

func (a *account) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, planned{args.TypeToken, args.Name, args.Inputs.Mappable(), args.RegisterRPC.GetProtect(), args.RegisterRPC.GetImportId()})
	state := args.Inputs.Copy()
	if name, is := state["name"]; is && strings.HasSuffix(args.TypeToken, ":ContainerRegistry") {
		state["endpoint"] = resource.NewStringProperty("registry.digitalocean.com/" + name.StringValue())
	}
	return args.Name + "-id", state, nil
}

func plan(t *testing.T, a *account, stack string) []planned {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "Pulumi."+stack+".yaml"))
	require.NoError(t, err)
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(raw, &file))
	values := map[string]string{}
	for key, value := range file.Config {
		text, is := value.(string)
		if !is {
			encoded, err := json.Marshal(value)
			require.NoError(t, err)
			text = string(encoded)
		}
		values[key] = text
	}
	program := func(ctx *pulumi.Context) error { return run(ctx, values) }
	require.NoError(t, pulumi.RunErr(program, pulumi.WithMocks("wealth-companion-foundation", stack, a), func(info *pulumi.RunInfo) { info.Config = values }))
	slices.SortFunc(a.asked, func(x, y planned) int { return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.Name, y.Name)) })
	return a.asked
}

// TestGoldenPlans compares the plan of each account with the one that was reviewed: `make
// golden` writes them anew.
func TestGoldenPlans(t *testing.T) {
	for _, stack := range []string{"account", "rehearsal-account"} {
		t.Run(stack, func(t *testing.T) {
			got, err := json.MarshalIndent(plan(t, &account{}, stack), "", "  ")
			require.NoError(t, err)
			file := filepath.Join("..", "..", "testdata", stack+".json")
			if *update {
				require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(got), "read the difference; `make golden` takes it over")
		})
	}
}

// What exists already cannot be created again: it is taken over.
func TestWhatTheAccountHasIsTakenOver(t *testing.T) {
	imported := func(full bool) map[string]string {
		ids := map[string]string{}
		for _, one := range plan(t, &account{full: full}, "account") {
			if one.Imported != "" {
				ids[one.Name] = one.Imported
			}
		}
		return ids
	}
	require.Empty(t, imported(false))
	require.Equal(t, map[string]string{
		"foundation": "wealth-companion", "foundation-companion.example.com": "companion.example.com",
		"foundation-staging.companion.example.com": "staging.companion.example.com",
	}, imported(true))
}

func TestTheAccountIsProtected(t *testing.T) {
	for stack, protected := range map[string]bool{"account": true, "rehearsal-account": false} {
		kinds := 0
		for _, one := range plan(t, &account{}, stack) {
			if strings.HasSuffix(one.Type, ":ContainerRegistry") || strings.HasSuffix(one.Type, ":Domain") {
				kinds++
				require.Equal(t, protected, one.Protected, "%s: %s", stack, one.Name)
			}
		}
		require.Greater(t, kinds, 1, stack)
	}
}
