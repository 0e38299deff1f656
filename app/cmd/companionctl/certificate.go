package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/app/ops/validate"
)

func certificateCommand() *cobra.Command {
	var options validate.CertificateOptions
	var authority string
	var resolve []string
	var left int
	cmd := &cobra.Command{
		Use:   "certificate --url URL",
		Short: "Check that the edge's certificate is valid, and was renewed in time",
		Long: `Check that the edge's certificate is valid, and was renewed in time. cert-manager renews it
after two thirds of its life, 30 days before the end of one of 90: one with fewer than --days
left was not renewed, and there is still time to mend that. Run it once a day.`,
		Example: "  companionctl certificate --url https://app.example.com",
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
			options.Left = time.Duration(left) * 24 * time.Hour
			until, err := validate.Certificate(cmd.Context(), options, time.Now())
			if err != nil {
				return err
			}
			fmt.Printf("the edge's certificate is valid until %s\n", until.Format(time.DateOnly))
			return nil
		},
	}
	cmd.Flags().StringVar(&options.URL, "url", "", "the application's address")
	cmd.Flags().StringVar(&authority, "ca-file", "", "an authority to trust beside the system's (PEM)")
	cmd.Flags().StringSliceVar(&resolve, "resolve", nil, "connect elsewhere, as curl does: HOST:PORT:ADDRESS:PORT")
	cmd.Flags().IntVar(&left, "days", 21, "how many days the certificate must be valid yet")
	return cmd
}
