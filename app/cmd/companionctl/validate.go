package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/api/mcp"
	"github.com/wealth-companion/companion/app/ops/validate"
)

func validateCommand() *cobra.Command {
	to := connection{user: kafkaSmoke}
	var options validate.Options
	var authority, output string
	var resolve []string
	cmd := &cobra.Command{
		Use:     "validate --url URL --kubeconfig FILE",
		Short:   "Send a transaction all the way, a duplicate and a poisoned event, and go a person's way through the pages",
		Example: "  companionctl validate --url https://app.example.com",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if !strings.HasPrefix(options.URL, "https://") {
				return fmt.Errorf("%w: --url is the application's https:// address (the stack's output `url`)", errUsage)
			}
			if options.Resolve, err = resolutions(resolve); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			if authority != "" {
				if options.Authority, err = os.ReadFile(authority); err != nil {
					return fmt.Errorf("--ca-file: %w", err)
				}
			}
			kafka, done, err := to.open(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			options.Web = options.URL
			options.MCP = strings.TrimSuffix(options.URL, "/") + mcp.Path
			options.Report = func(step string) { fmt.Fprintln(os.Stderr, "…", step) }
			result, err := validate.Run(cmd.Context(), kafka, options)
			printResult(output, result)
			if err == nil && output == "table" {
				fmt.Printf("validated: the whole way in %s, within %s\n", result.Total.Round(time.Millisecond), options.Within)
			}
			return err
		},
	}
	to.flags(cmd)
	outputFlag(cmd, &output)
	cmd.Flags().StringVar(&options.URL, "url", "", "the application's address")
	cmd.Flags().StringVar(&authority, "ca-file", "", "an authority to trust beside the system's (PEM)")
	cmd.Flags().StringSliceVar(&resolve, "resolve", nil, "connect elsewhere, as curl does: HOST:PORT:ADDRESS:PORT")
	cmd.Flags().StringVar(&options.Email, "email", "", "have an alert sent to this address too, with a tag: name+...@domain")
	cmd.Flags().DurationVar(&options.Within, "within", 5*time.Second, "how long the way from request to audit may take")
	return cmd
}

// resolutions reads HOST:PORT:ADDRESS:PORT.
func resolutions(texts []string) (map[string]string, error) {
	found := map[string]string{}
	for _, text := range texts {
		parts := strings.Split(text, ":")
		if len(parts) != 4 {
			return nil, fmt.Errorf("--resolve %q is not HOST:PORT:ADDRESS:PORT", text)
		}
		found[net.JoinHostPort(parts[0], parts[1])] = net.JoinHostPort(parts[2], parts[3])
	}
	return found, nil
}

func printResult(output string, result validate.Result) {
	if output != "table" {
		_ = showValue(output, result)
		return
	}
	for _, hop := range result.Hops {
		fmt.Printf("%-10s %8.1f ms\n", hop.Name, float64(hop.After.Microseconds())/1000)
	}
	for _, line := range [][2]string{
		{"duplicate", result.Duplicate}, {"poison", result.Poison}, {"consumers", result.Consumers}, {"assistant", result.Assistant}, {"e-mail", result.Email},
		{"web", result.Web},
	} {
		if line[1] != "" {
			fmt.Printf("%-10s %s\n", line[0], line[1])
		}
	}
}
