// Command pulumi-resource-kubernetes is the plugin that the Pulumi CLI starts
// for Kubernetes resources where the official one cannot be downloaded.
package main

import (
	"fmt"
	"os"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/wealth-companion/companion/rehearsal/provider/kubernetes"
	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
)

func main() {
	err := plugin.Main("kubernetes", func(host *plugin.Host) (sdk.Provider, error) {
		return kubernetes.New(host), nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-kubernetes:", err)
		os.Exit(1)
	}
}
