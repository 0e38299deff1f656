package stacks

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// namespace is what the configuration's keys begin with.
const namespace = "companion:"

//go:embed stack.schema.json
var stackSchema []byte

// configSchema is that of what is under `config:` in a stack's file.
var configSchema = mustCompile("stack.schema.json", stackSchema).Properties["config"]

func mustCompile(name string, schema []byte) *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		panic(fmt.Errorf("%s: %w", name, err)) // it is part of the program
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, document); err != nil {
		panic(fmt.Errorf("%s: %w", name, err))
	}
	return compiler.MustCompile(name)
}

// ReadValues reads a stack's configuration as Pulumi gives it to a program: each
// value as text, objects as JSON. The error names every problem, as that of Read.
func ReadValues(values map[string]string) (Settings, error) {
	return Read(typed(configSchema, values))
}

// typed are values with the types that the schema gives them, where their texts are such.
func typed(schema *jsonschema.Schema, values map[string]string) map[string]any {
	config := map[string]any{}
	for key, text := range values {
		config[key] = text
		if property := schema.Properties[key]; property != nil && !mayBeString(property) {
			if value, err := jsonschema.UnmarshalJSON(strings.NewReader(text)); err == nil {
				config[key] = value
			}
		}
	}
	return config
}

// ReadPolicy reads the value of companion:policy as Pulumi gives it to a program: as JSON.
// The error names every problem at once, as that of Read.
func ReadPolicy(text string) (Policy, error) {
	const key = namespace + "policy"
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return Policy{}, fmt.Errorf("%s is no JSON: %w", key, err)
	}
	p := problems{schema: configSchema}
	var invalid *jsonschema.ValidationError
	if err := configSchema.Properties[key].Validate(value); errors.As(err, &invalid) {
		p.addBelow([]string{key}, invalid)
	} else if err != nil {
		return Policy{}, err
	}
	var read Policy
	if err := json.Unmarshal([]byte(text), &read); err != nil && len(p.found) == 0 {
		return Policy{}, fmt.Errorf("%s has another shape than its schema says: %w", key, err)
	}
	return read, p.err()
}

// Read reads what is under `config:` in a stack's file. Keys of namespaces other
// than `companion:` are not looked at. What is left out has its default. The error
// names every problem at once, each with its key and what to do; secrets that are
// missing are none: see Secrets.Missing.
func Read(config map[string]any) (Settings, error) {
	var read Settings
	p, err := readAs(configSchema, config, &read)
	if err != nil {
		return Settings{}, err
	}
	p.check(read.Config)
	return read, p.err()
}

// readAs reads a configuration of a schema into a type of the project's. What the schema
// finds wrong are the problems; the error is what nobody could read.
func readAs(schema *jsonschema.Schema, config map[string]any, into any) (*problems, error) {
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("the configuration is not JSON: %w", err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("the configuration is not JSON: %w", err)
	}
	setDefaults(schema, whole)
	p := &problems{schema: schema}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(whole); errors.As(err, &invalid) {
		p.addAll(invalid)
	} else if err != nil {
		return nil, err
	}
	ours := map[string]any{}
	for key, value := range whole.(map[string]any) {
		if field, is := strings.CutPrefix(key, namespace); is {
			ours[field] = value
		}
	}
	if raw, err = json.Marshal(ours); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, into); err != nil && len(p.found) == 0 {
		return nil, fmt.Errorf("the configuration has another shape than its schema says: %w", err)
	}
	return p, nil
}

// setDefaults sets what is left out of an object, and of those in it, to its default.
func setDefaults(schema *jsonschema.Schema, value any) {
	schema = resolved(schema)
	object, is := value.(map[string]any)
	if !is || schema == nil {
		return
	}
	for key, property := range schema.Properties {
		if _, set := object[key]; !set && property.Default != nil {
			object[key] = *property.Default
		}
		setDefaults(property, object[key])
	}
}

// resolved follows a schema's reference.
func resolved(schema *jsonschema.Schema) *jsonschema.Schema {
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	return schema
}

func mayBeString(schema *jsonschema.Schema) bool {
	schema = resolved(schema)
	return schema.Types != nil && slices.Contains(schema.Types.ToStrings(), "string")
}

// problems collects what is wrong with a configuration of the schema, by key; of each key
// the first.
type problems struct {
	schema *jsonschema.Schema
	found  map[string]string
}

func (p *problems) add(key, format string, args ...any) {
	if p.found == nil {
		p.found = map[string]string{}
	}
	if _, known := p.found[key]; !known {
		p.found[key] = fmt.Sprintf(format, args...)
	}
}

// err is nil, or has one line for each problem, in the order of their keys.
func (p *problems) err() error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(p.found)) {
		errs = append(errs, fmt.Errorf("%s %s", key, p.found[key]))
	}
	return errors.Join(errs...)
}

// addAll adds what the schema finds wrong.
func (p *problems) addAll(e *jsonschema.ValidationError) { p.addBelow(nil, e) }

// addBelow adds what the schema of the value at a place finds wrong.
func (p *problems) addBelow(place []string, e *jsonschema.ValidationError) {
	for _, cause := range e.Causes {
		p.addBelow(place, cause)
	}
	if len(e.Causes) > 0 {
		return
	}
	schema, key := p.at(slices.Concat(place, e.InstanceLocation))
	switch wrong := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, unknown := range wrong.Properties {
			p.add(join(key, unknown), "is no key: %s", nearest(unknown, schema))
		}
	case *kind.Required:
		for _, missing := range wrong.Missing {
			p.add(join(key, missing), "is missing: set it to %s", wanted(resolved(schema).Properties[missing]))
		}
	case *kind.Type:
		p.add(key, "must be of type %s, not %s: set it to %s", strings.Join(wrong.Want, " or "), wrong.Got, wanted(schema))
	case *kind.MinLength:
		if wrong.Got > 0 {
			p.add(key, "is too short: set it to %s", wanted(schema))
			return
		}
		p.add(key, "is empty: set it to %s", wanted(schema))
	case *kind.MinItems:
		p.add(key, "is empty: set it to %s", wanted(schema))
	case *kind.Pattern:
		if wrong.Got == "" {
			p.add(key, "is empty: set it to %s", wanted(schema))
			return
		}
		p.add(key, "is %q: set it to %s", wrong.Got, wanted(schema))
	case *kind.Enum:
		p.add(key, "is %q: set it to one of %s", fmt.Sprint(wrong.Got), list(wrong.Want))
	case *kind.Minimum:
		p.add(key, "is %s: set it to %s or more (%s)", wrong.Got.RatString(), wrong.Want.RatString(), wanted(schema))
	case *kind.Maximum:
		p.add(key, "is %s: set it to %s or less (%s)", wrong.Got.RatString(), wrong.Want.RatString(), wanted(schema))
	default:
		p.add(key, "is wrong: %s", e.Error())
	}
}

// at returns the schema of what is at a place, and that place as people write it.
func (p *problems) at(place []string) (schema *jsonschema.Schema, key string) {
	schema = p.schema
	for _, step := range place {
		key = join(key, step)
		if schema = resolved(schema); schema == nil {
			return nil, strings.Join(place, ".")
		}
		if schema.Items2020 != nil {
			schema = schema.Items2020
			continue
		}
		schema = schema.Properties[step]
	}
	return schema, key
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// wanted is what a key is to be set to: what its description says, or the keys of
// the object that it is.
func wanted(schema *jsonschema.Schema) string {
	if schema == nil {
		return "what its schema says"
	}
	if schema.Description != "" {
		return schema.Description
	}
	return "an object with " + strings.Join(keys(schema), ", ")
}

func keys(schema *jsonschema.Schema) []string {
	if schema = resolved(schema); schema == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(schema.Properties))
}

func list(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, ", ")
}

// nearest helps with a key that does not exist: with the one that was meant, or all.
func nearest(unknown string, schema *jsonschema.Schema) string {
	all := keys(schema)
	if len(all) == 0 {
		return "leave it out"
	}
	best := slices.MinFunc(all, func(a, b string) int {
		return levenshtein.ComputeDistance(unknown, a) - levenshtein.ComputeDistance(unknown, b)
	})
	if levenshtein.ComputeDistance(unknown, best) <= max(1, len(best)/3) {
		return "did you mean " + best + "?"
	}
	return "the keys are " + strings.Join(all, ", ")
}

// check finds what no schema can say.
func (p *problems) check(c Config) {
	p.ranges(c.Cluster)
	if c.Release == "" {
		p.add(namespace+"release", "is missing: set it to the tag of the services' images")
	}
	for key, chart := range c.Charts.ByKey() {
		if chart.Repo == "" && chart.Chart != "" && !strings.HasPrefix(chart.Chart, "oci://") {
			p.add(namespace+"charts."+key+".repo", "is missing: set it to the address of the chart's repository")
		}
	}
	if c.Issuer.Kind == "acme" && c.Issuer.Email == "" {
		p.add(namespace+"issuer.email", "is missing: set it to the address that the authority writes to")
	}
	if c.Issuer.Kind == "acme" && c.Issuer.Server == "" {
		p.add(namespace+"issuer.server", "is missing: set it to the https:// address of the ACME directory")
	}
	p.mail(c.Mail)
	p.store(c)
	p.observability(c)
	p.autoscaling(c)
	p.dapr(c.Dapr.Certificates)
	if k := c.Kafka.Certificates; k.RenewalDays >= k.LifetimeDays && k.LifetimeDays > 0 {
		p.add(namespace+"kafka.certificates.renewalDays", "is %d, but the certificates are good for %d days: set it to less", k.RenewalDays, k.LifetimeDays)
	}
	if pool := c.Cluster.Application; pool.MaxNodes < pool.MinNodes {
		p.add(namespace+"cluster.application.maxNodes", "is %d, but minNodes is %d: set it to %d or more", pool.MaxNodes, pool.MinNodes, pool.MinNodes)
	}
	p.networks("cluster.adminRanges", c.Cluster.AdminRanges)
	p.networks("network.database", c.Network.Database)
	p.networks("network.mail", c.Network.Mail)
	if !gatewayDefinitions(c.Cluster.Version) {
		p.add(namespace+"cluster.version", "is %s: set it to 1.33 or later, where DigitalOcean provides the Gateway API", c.Cluster.Version)
	}
	if c.Drills && c.Cluster.Protected {
		p.add(namespace+"drills", "is true, but companion:cluster.protected is too: nothing is killed for a drill where people's data is; unset it")
	}
	if c.Kafka.Brokers > c.Cluster.NodeCount {
		p.add(namespace+"kafka.brokers", "is %d, but there are %d nodes: each broker needs a node of its own", c.Kafka.Brokers, c.Cluster.NodeCount)
	}
}

// store checks that there is one state store.
func (p *problems) store(c Config) {
	switch {
	case c.Redis == nil && c.Valkey == nil:
		p.add(namespace+"redis", "is missing: set it, to have the state store in the cluster, or companion:valkey, to have DigitalOcean run it")
	case c.Redis != nil && c.Valkey != nil:
		p.add(namespace+"valkey", "is set, and companion:redis too: unset one, there is one state store")
	}
	if c.Redis != nil {
		p.certificate("redis.certificate", c.Redis.Certificate)
	}
	if v := c.Valkey; v != nil && v.Nodes > 1 && v.Size == smallestDatabase {
		p.add(namespace+"valkey.nodes", "is %d, but %s stands alone: choose a larger size, or 1", v.Nodes, v.Size)
	}
}

// smallestDatabase is the one size that DigitalOcean gives no standby.
const smallestDatabase = "db-s-1vcpu-1gb"

// certificate checks that there is time for a renewal.
func (p *problems) certificate(key string, c Certificate) {
	lifetime, err := time.ParseDuration(c.Lifetime)
	if err != nil {
		return // the schema has told
	}
	if lifetime < time.Hour { // cert-manager signs none
		p.add(namespace+key+".lifetime", "is %s: set it to 1h or more", c.Lifetime)
	}
	if before, err := time.ParseDuration(c.RenewBefore); err == nil && before >= lifetime {
		p.add(namespace+key+".renewBefore", "is %s, but the certificate is good for %s: set it to less", c.RenewBefore, c.Lifetime)
	}
}

// clockSkew is how long before its creation a sidecar's certificate is good for already.
const clockSkew = 15 * time.Minute

// dapr checks that there is time for a renewal: until sidecars have new certificates.
func (p *problems) dapr(c DaprCertificates) {
	lifetime, badLifetime := time.ParseDuration(c.Lifetime)
	before, badBefore := time.ParseDuration(c.RenewBefore)
	workload, badWorkload := time.ParseDuration(c.Workload)
	if badLifetime != nil || badBefore != nil || badWorkload != nil {
		return // the schema has told
	}
	if before >= lifetime {
		p.add(namespace+"dapr.certificates.renewBefore", "is %s, but the authority is good for %s: set it to less", c.RenewBefore, c.Lifetime)
	}
	if before < 2*workload {
		p.add(namespace+"dapr.certificates.renewBefore", "is %s, but sidecars' certificates are good for %s: set it to twice that or more", c.RenewBefore, c.Workload)
	}
	if workload <= clockSkew { // half of it, counted from before its creation, is over when it is made
		p.add(namespace+"dapr.certificates.workload", "is %s: set it to more than %s", c.Workload, clockSkew)
	}
}

// mail checks that e-mails, which hold links that act for people, and the password do
// not cross a network in the clear.
func (p *problems) mail(m *Mail) {
	if m == nil || m.TLS != "none" {
		if m != nil && m.User == "" {
			p.add(namespace+"mail.user", "is missing: set it to the account that logs in there")
		}
		return
	}
	if address, err := netip.ParseAddr(m.Host); err != nil || !address.IsPrivate() && !address.IsLoopback() {
		p.add(namespace+"mail.tls", "is none, but mail.host is %q, which is no private address: set it to starttls or implicit", m.Host)
	}
	if m.User != "" {
		p.add(namespace+"mail.user", "is set, but mail.tls is none: unset it, a password is not sent without encryption")
	}
}

// gatewayDefinitions tells whether clusters of a version come with the Gateway API's
// custom resource definitions.
func gatewayDefinitions(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d.", &major, &minor)
	return err != nil || major > 1 || minor >= 33 // the schema has told what is no version
}

// ranges checks that the cluster's networks are private networks, and apart.
func (p *problems) ranges(c Cluster) {
	var taken []netip.Prefix
	for _, network := range []struct{ key, value string }{
		{"cluster.vpcRange", c.VPCRange}, {"cluster.podRange", c.PodRange}, {"cluster.serviceRange", c.ServiceRange},
	} {
		prefix, err := netip.ParsePrefix(network.value)
		if err != nil || prefix != prefix.Masked() || !prefix.Addr().IsPrivate() {
			p.add(namespace+network.key, "is %q: set it to a private network such as 10.110.0.0/20", network.value)
			continue
		}
		if other := slices.IndexFunc(taken, prefix.Overlaps); other >= 0 {
			p.add(namespace+network.key, "is %s, which overlaps %s: set them apart", prefix, taken[other])
		}
		taken = append(taken, prefix)
	}
}

// networks adds those of a list that are no networks.
func (p *problems) networks(key string, listed []string) {
	for i, network := range listed {
		if prefix, err := netip.ParsePrefix(network); err != nil || prefix != prefix.Masked() {
			p.add(fmt.Sprintf("%s%s[%d]", namespace, key, i), "is %q: set it to a network such as 203.0.113.0/24", network)
		}
	}
}
