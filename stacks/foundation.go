package stacks

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
)

// Foundation is the configuration of what a DigitalOcean account has once, for all of its
// stacks: everything under the namespace `companion:` in infra/foundation/Pulumi.<stack>.yaml.
type Foundation struct {
	Registry             AccountRegistry `json:"registry"`
	Zones                []string        `json:"zones" jsonschema:"minItems=1,uniqueItems=true"`                                                            // the DNS zones of the account, such as example.com: one for the domain of each stack
	CertificateAuthority string          `json:"certificateAuthority,omitempty" jsonschema:"pattern=^([a-z0-9-]+[.])+[a-z]{2\\,}$,default=letsencrypt.org"` // the name by which the only authority that may issue certificates for the zones goes in CAA records, such as letsencrypt.org
	SecurityContact      string          `json:"securityContact,omitempty" jsonschema:"pattern=^mailto:[^@ ]+@[^@ ]+$"`                                     // a mailto: address that authorities report refused certificates to; none when empty
	Protected            bool            `json:"protected"`                                                                                                 // true to refuse the deletion of the registry and of the zones
	Policy               Policy          `json:"policy,omitzero"`
}

// AccountRegistry is DigitalOcean's container registry, of which the stacks share one.
type AccountRegistry struct {
	Name   string `json:"name" jsonschema:"pattern=^[a-z]([-a-z0-9]{0\\,61}[a-z0-9])?$"`                              // a name of small letters, digits and dashes, which no other account has
	Tier   string `json:"tier,omitempty" jsonschema:"enum=starter,enum=basic,enum=professional,default=professional"` // the subscription of all the account's registries; only professional has no limit of repositories
	Region string `json:"region" jsonschema:"pattern=^[a-z]{3}[0-9]$"`                                                // the region of DigitalOcean's that images are stored in, such as fra1
}

// FoundationOutputs are what an account's foundation gives to CI and to people.
type FoundationOutputs struct {
	Registry     string   `json:"registry" jsonschema:"minLength=1"`     // host and name that images are pushed to, such as registry.digitalocean.com/wealth-companion
	RegistryName string   `json:"registryName" jsonschema:"minLength=1"` // the registry's name, for companion:registry.name of the stacks
	Zones        []string `json:"zones" jsonschema:"minItems=1"`         // the DNS zones; each is the domain of a stack, or above it
}

var (
	//go:embed foundation.schema.json
	foundationSchema []byte
	//go:embed foundation-outputs.schema.json
	foundationOutputsSchema []byte

	foundationConfig          = mustCompile("foundation.schema.json", foundationSchema).Properties["config"]
	compiledFoundationOutputs = mustCompile("foundation-outputs.schema.json", foundationOutputsSchema)
)

var domainName = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])+[a-z]{2,}$`)

// ReadFoundation reads what is under `config:` in a file of the foundation's, as Read does
// for the other stacks.
func ReadFoundation(config map[string]any) (Foundation, error) {
	var read Foundation
	p, err := readAs(foundationConfig, config, &read)
	if err != nil {
		return Foundation{}, err
	}
	for i, zone := range read.Zones {
		if !domainName.MatchString(zone) {
			p.add(fmt.Sprintf("%szones[%d]", namespace, i), "is %q: set it to a domain such as example.com", zone)
		}
	}
	return read, p.err()
}

// ReadFoundationValues reads the foundation's configuration as Pulumi gives it to a program:
// each value as text, objects as JSON.
func ReadFoundationValues(values map[string]string) (Foundation, error) {
	return ReadFoundation(typed(foundationConfig, values))
}

// ReadFoundationOutputs reads the foundation's outputs and checks them against their schema.
func ReadFoundationOutputs(outputs map[string]any) (FoundationOutputs, error) {
	if err := compiledFoundationOutputs.Validate(outputs); err != nil {
		return FoundationOutputs{}, fmt.Errorf("the foundation's outputs are not what stacks/foundation-outputs.schema.json says: %w", err)
	}
	raw, err := json.Marshal(outputs)
	if err != nil {
		return FoundationOutputs{}, err
	}
	var read FoundationOutputs
	return read, json.Unmarshal(raw, &read)
}
