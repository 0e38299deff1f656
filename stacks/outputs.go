package stacks

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Outputs are what every stack gives to CI and to operators' tools
// (`pulumi stack output --json --show-secrets`). Each field is a promise:
// renaming one or changing its meaning breaks those who read it.
type Outputs struct {
	Kubeconfig string `json:"kubeconfig" jsonschema:"minLength=1"` // secret: the cluster's kubeconfig, YAML
	// secret: the kubeconfig of an account that may send a transaction all the way and nothing else (companionctl validate), YAML
	SmokeKubeconfig string     `json:"smokeKubeconfig" jsonschema:"minLength=1"`
	ClusterName     string     `json:"clusterName" jsonschema:"minLength=1"`                  // DigitalOcean's name of the cluster
	ClusterID       string     `json:"clusterId" jsonschema:"minLength=1"`                    // DigitalOcean's id of the cluster
	URL             string     `json:"url" jsonschema:"pattern=^https://app[.]"`              // the application's address, where people meet the web: https://app.<domain>
	APIURL          string     `json:"apiUrl" jsonschema:"pattern=^https://app[.].+/api/v1$"` // the address of the backend's API, below url
	GatewayAddress  string     `json:"gatewayAddress" jsonschema:"minLength=1"`               // the load balancer's IP address
	Registry        string     `json:"registry" jsonschema:"minLength=1"`                     // host and name that the services' images are pushed to
	Release         string     `json:"release" jsonschema:"minLength=1"`                      // the tag of the images that run
	Topics          []string   `json:"topics" jsonschema:"minItems=1"`                        // the Kafka topics' names, those of dead letters too
	Namespaces      Namespaces `json:"namespaces"`
}

// Namespaces are the Kubernetes namespaces by what is in them.
type Namespaces struct {
	Application string `json:"application" jsonschema:"minLength=1"`    // the services and their sidecars
	Kafka       string `json:"kafka" jsonschema:"minLength=1"`          // the brokers and their operator
	Data        string `json:"data,omitempty" jsonschema:"minLength=1"` // Redis; left out where the state store is not in the cluster
	Edge        string `json:"edge" jsonschema:"minLength=1"`           // NGINX
}

//go:embed outputs.schema.json
var outputsSchema []byte

var compiledOutputs = mustCompile("outputs.schema.json", outputsSchema)

// ReadOutputs reads a stack's outputs, secrets in clear, and checks them against
// their schema.
func ReadOutputs(outputs map[string]any) (Outputs, error) {
	if err := compiledOutputs.Validate(outputs); err != nil {
		return Outputs{}, fmt.Errorf("the stack's outputs are not what stacks/outputs.schema.json says: %w", err)
	}
	raw, err := json.Marshal(outputs)
	if err != nil {
		return Outputs{}, err
	}
	var read Outputs
	return read, json.Unmarshal(raw, &read)
}
