package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/trace"
)

func traceCommand() *cobra.Command {
	var kubeconfig, output string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "trace ID",
		Short: "Show what followed from a request or an event: every hop with its time, and what failed",
		Long: `Show what followed from a request or an event as a tree: each hop of the services and their
sidecars, when it began, how long it took, and whether it failed.

ID is the id of a trace, or a correlation id: answers of the API, logs and events have both.
Of what was not recorded Jaeger knows nothing; the logs still do.`,
		Example: `  companionctl trace 4bf92f3577b34da6a3ce929d0e0e4736
  companionctl trace 01981f2c-7a3e-7b1c-9d52-3f0a1b2c4d5e --output json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%w: name one trace (see `%s --help`)", errUsage, cmd.CommandPath())
			}
			if err := trace.ValidID(args[0]); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			inside, err := openCluster(kubeconfig)
			if err != nil {
				return err
			}
			defer inside.Close()
			traces, err := trace.New(trace.Address, inside).Find(ctx, args[0])
			if err != nil {
				return explained(ctx, inside.Client(), args[0], err)
			}
			return showTraces(output, traces)
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "the cluster's, or KUBECONFIG: Jaeger is reached through its API server")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "give up after this time")
	outputFlag(cmd, &output)
	return cmd
}

func showTraces(output string, traces []trace.Trace) error {
	if output != "table" {
		return showValue(output, traces)
	}
	for _, one := range traces {
		if err := one.Write(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// explained adds to an error what the cluster says of it: whether traces are recorded at all,
// how many, and what else to look at.
func explained(ctx context.Context, client kubernetes.Interface, id string, err error) error {
	share, known := sampled(ctx, client)
	if known && share == "" {
		return fmt.Errorf("no traces are recorded: companion:tracing.enabled is false; %s", logsOf(id))
	}
	if !errors.Is(err, trace.ErrNotFound) {
		return fmt.Errorf("%w (is it there? kubectl -n %s get pods); %s", err, trace.Namespace, logsOf(id))
	}
	often := "not every trace is recorded"
	if fraction, wrong := strconv.ParseFloat(share, 64); wrong == nil {
		often = fmt.Sprintf("%.3g of a hundred traces are recorded (companion:tracing.sampledPercent)", fraction*100)
	}
	return fmt.Errorf("Jaeger has no trace of %s: %s, spans arrive some seconds after they ended, and they are kept for companion:tracing.retentionHours; %s", id, often, logsOf(id)) //nolint:staticcheck // a name
}

// sampled is the share of traces that services record, as their environment has it; empty:
// they record none.
func sampled(ctx context.Context, client kubernetes.Interface) (share string, known bool) {
	backend, err := client.AppsV1().Deployments(applicationNamespace).Get(ctx, event.Backend, metav1.GetOptions{})
	if err != nil {
		return "", false
	}
	for _, container := range backend.Spec.Template.Spec.Containers {
		for _, variable := range container.Env {
			if variable.Name == "OTEL_TRACES_SAMPLER_ARG" {
				return variable.Value, true
			}
		}
	}
	return "", true
}

// applicationNamespace is the services', as infra names it.
const applicationNamespace = "companion"

// logsOf is how the logs of all services are searched.
func logsOf(id string) string {
	return "the logs have it all the same: kubectl -n " + applicationNamespace + " logs -l app.kubernetes.io/part-of=companion --all-containers --prefix --tail=-1 | grep " + strings.ToLower(id)
}
