// Command companion-policy is the policy pack: it gates every preview and update
// (`pulumi preview --policy-pack`). The rules themselves are in package rules; where they
// do not hold yet, the stack's configuration says (companion:policy).
package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/policyx"

	"github.com/wealth-companion/companion/policy/levels"
	"github.com/wealth-companion/companion/policy/prices"
	"github.com/wealth-companion/companion/policy/rules"
	"github.com/wealth-companion/companion/stacks"
)

func main() {
	if err := policyx.Main(newPack); err != nil {
		fmt.Fprintln(os.Stderr, "error: the policy pack:", err)
		os.Exit(1)
	}
}

// newPack makes the pack for a stack, as its configuration asks.
func newPack(ctx *pulumi.Context) (policyx.PolicyPack, error) {
	var asked stacks.Policy
	if text := config.New(ctx, "companion").Get("policy"); text != "" {
		var err error
		if asked, err = stacks.ReadPolicy(text); err != nil {
			return nil, err
		}
	}
	l, err := levels.New(asked)
	if err != nil {
		return nil, err
	}
	p := &pack{stack: ctx.Stack(), asked: asked, levels: l, prices: currentPrices(ctx), seen: map[string]rules.Resource{}}
	return policyx.NewPolicyPack("companion", semver.MustParse("2.0.0"), policyx.EnforcementLevelMandatory, p.policies())
}

// currentPrices asks the API that the stack's provider uses; where it does not answer, the
// prices are the listed ones.
func currentPrices(ctx *pulumi.Context) rules.Prices {
	api := config.New(ctx, "digitalocean")
	token := cmp.Or(api.Get("token"), os.Getenv("DIGITALOCEAN_TOKEN"))
	if token == "" {
		return prices.Listed
	}
	asking, stop := context.WithTimeout(ctx.Context(), 10*time.Second)
	defer stop()
	current, err := prices.Current(asking, http.DefaultClient, cmp.Or(api.Get("apiEndpoint"), os.Getenv("DIGITALOCEAN_API_URL"), "https://api.digitalocean.com"), token)
	if err != nil {
		fmt.Fprintln(os.Stderr, "warning: the listed prices of", current.Date, "are used:", err)
	}
	return current
}
