package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/cluster"
	"github.com/wealth-companion/companion/app/ops/prometheus"
	"github.com/wealth-companion/companion/app/ops/status"
)

func statusCommand() *cobra.Command {
	var kubeconfig, output string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what is unhealthy, since when, and which entry of the runbook to read",
		Long: `Say what is unhealthy, since when, and which entry of the runbook to read, on one screen:
nodes, pods, alerts that fire, events that wait in outboxes and for their consumers, dead
letters of the last day, certificates, and what Prometheus does not read. What began first
comes first: it is often the cause of the rest.

✓ is healthy, ✗ is not, ? could not be looked at, - the stack does without.
It exits with status 1 when anything is unhealthy or not known.`,
		Example: "  companionctl status\n  companionctl status --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			inside, err := openCluster(kubeconfig)
			if err != nil {
				return err
			}
			defer inside.Close()
			watched, err := monitored(cmd.Context(), inside)
			if err != nil {
				return err
			}
			brokers := func(ctx context.Context) (status.Brokers, func(), error) {
				to := connection{kubeconfig: kubeconfigOr(kubeconfig), timeout: timeout}
				settings, leave, err := to.settings(ctx)
				if err != nil {
					return nil, nil, err
				}
				kafka, err := admin.Connect(ctx, settings, func(error) {}) // the report says it
				if err != nil {
					leave()
					return nil, nil, err
				}
				return kafka, func() { _ = kafka.Close(); leave() }, nil
			}
			report := status.Run(cmd.Context(), []status.Check{
				status.Alerts(watched), status.Nodes(inside.Client()), status.Pods(inside.Client()), status.Outboxes(watched),
				status.Consumers(brokers), status.DeadLetters(brokers), status.Certificates(inside.Client()), status.Targets(watched),
			}, timeout, time.Now())
			if err := showReport(output, report); err != nil {
				return err
			}
			return report.Err()
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "the cluster's, or KUBECONFIG: everything is reached through its API server")
	cmd.Flags().DurationVar(&timeout, "timeout", 20*time.Second, "how long each of them may take to look at")
	outputFlag(cmd, &output)
	return cmd
}

func showReport(output string, report status.Report) error {
	if output != "table" {
		return showValue(output, report)
	}
	for _, line := range report.Lines() {
		fmt.Println(line)
	}
	return nil
}

// monitored is Prometheus, or what says that the stack does without.
func monitored(ctx context.Context, inside *cluster.Cluster) (status.Monitor, error) {
	_, err := inside.Client().CoreV1().Namespaces().Get(ctx, prometheus.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return unwatched{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the cluster: %w", err)
	}
	return prometheus.New(prometheus.Address, inside)
}

// unwatched is the monitor of a stack that nobody watches.
type unwatched struct{}

var errUnwatched = fmt.Errorf("%w: companion:observability.enabled is false", status.ErrOff)

func (unwatched) Alerts(context.Context) ([]prometheus.Alert, error)     { return nil, errUnwatched }
func (unwatched) MarkSilenced(context.Context, []prometheus.Alert) error { return errUnwatched }
func (unwatched) Targets(context.Context) ([]prometheus.Target, error)   { return nil, errUnwatched }
func (unwatched) Values(context.Context, string, string) (map[string]float64, error) {
	return nil, errUnwatched
}
