// Command companion-policy is the policy pack: it gates every preview and update
// (`pulumi preview --policy-pack`). The rules themselves are in package rules.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/policyx"

	"github.com/wealth-companion/companion/policy/rules"
)

func main() {
	if err := policyx.Main(pack); err != nil {
		fmt.Fprintln(os.Stderr, "error: the policy pack:", err)
		os.Exit(1)
	}
}

func pack(*pulumi.Context) (policyx.PolicyPack, error) {
	var policies []policyx.Policy
	for _, rule := range rules.All() {
		policies = append(policies, policyx.NewResourceValidationPolicy(rule.Name, policyx.ResourceValidationPolicyArgs{
			Description: rule.Description,
			// The engine looks at the level of each policy, not at the pack's.
			EnforcementLevel: policyx.EnforcementLevelMandatory,
			ValidateResource: func(_ context.Context, args policyx.ResourceValidationArgs) error {
				resource := rules.Resource{
					Type: args.Resource.Type, Name: args.Resource.Name, URN: args.Resource.URN,
					Properties: plainMap(args.Resource.Properties),
				}
				for _, message := range rule.Check(resource) {
					args.Manager.ReportViolation(message, args.Resource.URN)
				}
				return nil
			},
		}))
	}
	return policyx.NewPolicyPack("companion", semver.MustParse("1.0.0"), policyx.EnforcementLevelMandatory, policies)
}

func plainMap(m property.Map) map[string]any {
	values := map[string]any{}
	for key, value := range m.All {
		values[key] = plain(value)
	}
	return values
}

// plain turns a value into what rules look at. Whether Pulumi holds a value
// secret does not matter to them: they ask where it ends up.
func plain(value property.Value) any {
	switch {
	case value.IsComputed():
		return rules.Unknown{}
	case value.IsMap():
		return plainMap(value.AsMap())
	case value.IsArray():
		list := []any{}
		for _, entry := range value.AsArray().All {
			list = append(list, plain(entry))
		}
		return list
	case value.IsString():
		return value.AsString()
	case value.IsNumber():
		return value.AsNumber()
	case value.IsBool():
		return value.AsBool()
	}
	return nil // null, assets and references: no rule looks at them
}
