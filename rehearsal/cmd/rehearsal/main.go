// Command rehearsal runs production on this machine: up, status, logs, down.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/rehearsal/settings"
)

func main() {
	buildAlike()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if err == nil {
		return
	}
	if interrupted {
		fmt.Fprintln(os.Stderr, "interrupted: what was started goes on running; `make up` goes on from here, `make down` removes it")
		os.Exit(130)
	}
	for _, line := range flatten(err) {
		fmt.Fprintln(os.Stderr, "error: "+line.Error())
	}
	os.Exit(1)
}

// buildAlike has every Go build behind this command be like those of the parts
// and, by the Makefile, of the tests: what is compiled for one serves all, also
// when Pulumi builds the program.
func buildAlike() {
	if flags := os.Getenv("GOFLAGS"); !strings.Contains(flags, "-trimpath") {
		_ = os.Setenv("GOFLAGS", strings.TrimSpace(flags+" -trimpath"))
	}
	_ = os.Setenv("CGO_ENABLED", "0")
}

// flatten takes joined errors apart, so that each is a line of its own.
func flatten(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || err.Error() != joined.(error).Error() {
		return []error{err}
	}
	var lines []error
	for _, one := range joined.Unwrap() {
		lines = append(lines, flatten(one)...)
	}
	return lines
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "rehearsal",
		Short:         "All of production on one machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	folders := func() (settings.Folders, error) { return settings.NewFolders() }
	root.AddCommand(
		upCommand(folders),
		statusCommand(folders),
		logsCommand(folders),
		mailCommand(folders),
		pulumiCommand(folders),
		downCommand(folders),
		previewCommand(folders),
		buildCommand(folders),
		imagesCommand(folders),
		packagesCommand(),
		daemonCommand(),
	)
	return root
}

type findFolders func() (settings.Folders, error)
