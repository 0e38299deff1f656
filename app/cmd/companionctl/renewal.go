package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/cluster"
)

// sidecarAuthorityCommand is what a CronJob runs: nobody has to do anything for Dapr's
// authority, which Dapr itself makes once for a year, to be renewed.
func sidecarAuthorityCommand() *cobra.Command {
	r := cluster.Renewal{}
	keeper := keeperFlags{}
	cmd := &cobra.Command{
		Use:   "sidecar-authority",
		Short: "Renew the authority that signs the certificates of Dapr's sidecars when its end is near",
		Long: `Renew the authority that signs the certificates of Dapr's sidecars when its end is near.

The next root is trusted beside the one before by the control plane and then by all
sidecars, for which one Deployment after another gets new pods; then the next issuer signs;
when all certificates that the one before signed have ended, its root is trusted no more.
Each run does what can be done, and the next one goes on. Nothing is done while the end is
far. In a pod, without --kubeconfig, it is the pod's own account that acts.`,
		Example: "  companionctl sidecar-authority --deployment backend,analytics,banking,investment,notification,mcp",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.RenewBefore >= r.Lifetime {
				return fmt.Errorf("%w: --renew-before is %s, and --lifetime %s is not longer", errUsage, r.RenewBefore, r.Lifetime)
			}
			return keeper.run(cmd, func(ctx context.Context, inside *cluster.Cluster, report func(string)) error {
				return inside.Renew(ctx, r, report)
			})
		},
	}
	cmd.Flags().StringVar(&r.Namespace, "namespace", "dapr-system", "Dapr's control plane's")
	cmd.Flags().StringVar(&r.Next, "next", "dapr-authority", "the Secret there that holds the next authority while it is not in use")
	cmd.Flags().StringVar(&r.Clients, "clients", "companion", "the namespace of the pods with sidecars")
	cmd.Flags().StringSliceVar(&r.Deployments, "deployment", nil, "whose pods have sidecars")
	cmd.Flags().DurationVar(&r.Lifetime, "lifetime", 365*24*time.Hour, "how long a new authority is good for")
	cmd.Flags().DurationVar(&r.RenewBefore, "renew-before", 60*24*time.Hour, "how long before its end an authority is renewed")
	cmd.Flags().DurationVar(&r.Workload, "workload-lifetime", 24*time.Hour, "how long the certificates of sidecars are good for")
	cmd.Flags().DurationVar(&r.Settle, "settle", 3*time.Minute, "how long the control plane may take to read what has changed")
	keeper.add(cmd, &r.Ready)
	return cmd
}
