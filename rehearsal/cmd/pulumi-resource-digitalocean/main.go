// Command pulumi-resource-digitalocean is the plugin that the Pulumi CLI starts
// for DigitalOcean resources where the official one cannot be downloaded.
package main

import (
	"fmt"
	"os"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"github.com/wealth-companion/companion/rehearsal/provider/digitalocean"
	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
)

func main() {
	err := plugin.Main("digitalocean", func(host *plugin.Host) (sdk.Provider, error) {
		return digitalocean.New(host), nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-digitalocean:", err)
		os.Exit(1)
	}
}
