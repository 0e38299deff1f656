package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/cluster"
)

// keeperFlags are those of the commands that CronJobs run to keep an authority.
type keeperFlags struct {
	kubeconfig string
	timeout    time.Duration
}

func (k *keeperFlags) add(cmd *cobra.Command, ready *time.Duration) {
	cmd.Flags().StringVar(&k.kubeconfig, "kubeconfig", "", "the cluster's, or KUBECONFIG; neither in a pod of it")
	cmd.Flags().DurationVar(ready, "ready", 5*time.Minute, "how long the pods of one Deployment may take")
	cmd.Flags().DurationVar(&k.timeout, "timeout", 45*time.Minute, "give up after this time")
}

// run does the command's work on the cluster and prints each thing that it reports.
func (k *keeperFlags) run(cmd *cobra.Command, keep func(context.Context, *cluster.Cluster, func(string)) error) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), k.timeout)
	defer cancel()
	inside, err := cluster.Open(kubeconfigOr(k.kubeconfig))
	if err != nil {
		return err
	}
	defer inside.Close()
	return keep(ctx, inside, func(done string) { fmt.Println(done) })
}
