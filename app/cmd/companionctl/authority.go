package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/cluster"
)

// authorityCommand is what a CronJob runs: nobody has to run `pulumi up` for the brokers'
// authority to be renewed.
func authorityCommand() *cobra.Command {
	f := cluster.Follow{}
	keeper := keeperFlags{}
	var from, to string
	cmd := &cobra.Command{
		Use:   "authority",
		Short: "Bring the services' copy of the Kafka brokers' authority up to date, and have their pods read it",
		Long: `Bring the services' copy of the Kafka brokers' authority up to date, and have their pods read it.

The operator renews the authority's certificate by itself, long before its end. Sidecars
read their copy of it when they start, so that one Deployment after another gets new pods.
Nothing is done when nothing has changed. In a pod, without --kubeconfig, it is the pod's
own account that acts.`,
		Example: "  companionctl authority --from kafka/events-cluster-ca-cert --to companion/kafka-ca",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var is, isTo bool
			if f.FromNamespace, f.From, is = strings.Cut(from, "/"); !is {
				return fmt.Errorf("%w: --from is NAMESPACE/SECRET, not %q", errUsage, from)
			}
			if f.ToNamespace, f.To, isTo = strings.Cut(to, "/"); !isTo {
				return fmt.Errorf("%w: --to is NAMESPACE/SECRET, not %q", errUsage, to)
			}
			return keeper.run(cmd, func(ctx context.Context, inside *cluster.Cluster, report func(string)) error {
				return inside.FollowAuthority(ctx, f, report)
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", kafkaNamespace+"/"+kafkaCASecret, "the operator's Secret")
	cmd.Flags().StringVar(&to, "to", "companion/kafka-ca", "the services' copy")
	cmd.Flags().StringSliceVar(&f.Deployments, "deployment", event.Services(), "whose pods read the copy")
	keeper.add(cmd, &f.Ready)
	return cmd
}
