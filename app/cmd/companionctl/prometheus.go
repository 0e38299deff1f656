package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/cluster"
	"github.com/wealth-companion/companion/app/ops/prometheus"
)

// metrics is how a command reaches a cluster's Prometheus.
type metrics struct {
	kubeconfig string
	timeout    time.Duration
}

func (m *metrics) flags(cmd *cobra.Command, timeout time.Duration) {
	cmd.Flags().StringVar(&m.kubeconfig, "kubeconfig", "", "the cluster's, or KUBECONFIG: Prometheus is reached through its API server")
	cmd.Flags().DurationVar(&m.timeout, "timeout", timeout, "give up after this time")
}

// ask calls do with the cluster and its Prometheus, and closes what it opened.
func (m *metrics) ask(ctx context.Context, do func(context.Context, *cluster.Cluster, *prometheus.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	inside, err := openCluster(m.kubeconfig)
	if err != nil {
		return err
	}
	defer inside.Close()
	client, err := prometheus.New(prometheus.Address, inside)
	if err != nil {
		return err
	}
	return do(ctx, inside, client)
}
