package cluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// renewal is how long before their end credentials are renewed: no update takes longer.
const renewal = 24 * time.Hour

// kubeconfig is the cluster's kubeconfig; secret. DigitalOcean's credentials expire after
// seven days, and those in the state are as old as the last change or refresh of the
// cluster: the ones that are about to expire are requested anew.
func kubeconfig(ctx *pulumi.Context, doks *digitalocean.KubernetesCluster) pulumi.StringOutput {
	current := pulumi.All(doks.Name, doks.KubeConfigs).ApplyT(func(known []any) (string, error) {
		name, _ := known[0].(string)
		configs, _ := known[1].([]digitalocean.KubernetesClusterKubeConfig)
		if len(configs) > 0 && configs[0].RawConfig != nil && configs[0].ExpiresAt != nil && fresh(*configs[0].ExpiresAt, time.Now()) {
			return *configs[0].RawConfig, nil
		}
		found, err := digitalocean.LookupKubernetesCluster(ctx, &digitalocean.LookupKubernetesClusterArgs{Name: name})
		if err != nil {
			return "", fmt.Errorf("credentials of cluster %s: %w", name, err)
		}
		if len(found.KubeConfigs) == 0 {
			return "", errors.New("cluster " + name + " has no credentials yet: run `pulumi up` again when it is running")
		}
		return found.KubeConfigs[0].RawConfig, nil
	})
	return pulumi.ToSecret(current).(pulumi.StringOutput)
}

// fresh tells whether credentials that expire then (RFC 3339) outlast an update.
func fresh(expiresAt string, now time.Time) bool {
	until, err := time.Parse(time.RFC3339, expiresAt)
	return err == nil && until.After(now.Add(renewal))
}
