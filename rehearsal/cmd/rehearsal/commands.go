package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/rehearsal/cluster"
	"github.com/wealth-companion/companion/rehearsal/daemon"
	"github.com/wealth-companion/companion/rehearsal/deploy"
	"github.com/wealth-companion/companion/rehearsal/mail"
	"github.com/wealth-companion/companion/rehearsal/parts"
	"github.com/wealth-companion/companion/rehearsal/preflight"
	"github.com/wealth-companion/companion/rehearsal/process"
	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func checksum(raw []byte) uint32 { return crc32.ChecksumIEEE(raw) }

func downCommand(find findFolders) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove all of the rehearsal but what was built",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			if os.Geteuid() != 0 {
				return errors.New("the rehearsal runs as root, and so does its end: run it as root, or with sudo")
			}
			terminal := newTerminal()
			defer terminal.Close()
			stage := terminal.Stage("take the rehearsal down")
			err = down(cmd.Context(), folders)
			stage.Done(err)
			return err
		},
	}
}

func down(ctx context.Context, folders settings.Folders) error {
	if _, err := os.Stat(folders.State); errors.Is(err, fs.ErrNotExist) {
		return daemon.Network().Down(ctx)
	}
	processes, err := process.New(folders.State, quietLog())
	if err != nil {
		return err
	}
	// The daemon first: it would start again what is stopped.
	if err := processes.Stop(daemon.Name, 20*time.Second); err != nil {
		return err
	}
	if err := deploy.Stop(folders); err != nil {
		return err
	}
	if err := cluster.Sweep(ctx, folders.State, daemon.Network(), processes); err != nil {
		return err
	}
	if err := processes.StopAll(20 * time.Second); err != nil {
		return err
	}
	return os.RemoveAll(folders.State)
}

func statusCommand(find findFolders) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			return status(cmd.Context(), folders, os.Stdout)
		},
	}
}

func status(ctx context.Context, folders settings.Folders, out io.Writer) error {
	if _, err := os.Stat(folders.State); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(out, "Nothing runs. `make up` starts the rehearsal.")
		return nil
	}
	processes, err := process.New(folders.State, quietLog())
	if err != nil {
		return err
	}
	states, err := processes.List()
	if err != nil {
		return err
	}
	serving := false
	for _, state := range states {
		// A kubeconfig outlives the cluster that `pulumi destroy` removed.
		serving = serving || state.Running && strings.HasSuffix(state.Name, "kube-apiserver")
		word := "runs"
		if !state.Running {
			word = "ENDED"
		}
		fmt.Fprintf(out, "%-36s %-6s %8d  since %s\n", state.Name, word, state.PID, state.Uptime)
	}
	kubeconfig := filepath.Join(folders.State, "kubeconfig")
	if _, err := os.Stat(kubeconfig); err != nil || !serving {
		fmt.Fprintln(out, "No cluster runs. `make up` makes one.")
		return nil
	}
	for _, args := range [][]string{{"get", "nodes"}, {"get", "pods", "-A"}} {
		cmd := exec.CommandContext(ctx, folders.Program("kubectl"), append([]string{"--kubeconfig", kubeconfig, "--request-timeout=10s"}, args...)...)
		cmd.Stdout, cmd.Stderr = out, out
		fmt.Fprintln(out)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("kubectl: %w", err)
		}
	}
	return nil
}

func logsCommand(find findFolders) *cobra.Command {
	var lines int
	cmd := &cobra.Command{
		Use:   "logs [component]",
		Short: "Show a component's log, or name the components that have one",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			files, err := filepath.Glob(filepath.Join(folders.State, "log", "*.log"))
			if err != nil {
				return err
			}
			var names []string
			for _, file := range files {
				names = append(names, strings.TrimSuffix(filepath.Base(file), ".log"))
			}
			if len(args) == 0 {
				fmt.Println(strings.Join(names, "\n"))
				return nil
			}
			if !slices.Contains(names, args[0]) {
				return fmt.Errorf("no log of %q: there are %s", args[0], strings.Join(names, ", "))
			}
			tail := exec.CommandContext(cmd.Context(), "tail", "-n", fmt.Sprint(lines), filepath.Join(folders.State, "log", args[0]+".log"))
			tail.Stdout, tail.Stderr = os.Stdout, os.Stderr
			return tail.Run()
		},
	}
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "how many lines from the end")
	return cmd
}

func mailCommand(find findFolders) *cobra.Command {
	return &cobra.Command{
		Use:   "mail",
		Short: "List the e-mails that the application sent, and the file of each",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			all, err := mail.List(folders.Mail())
			if err != nil {
				return err
			}
			if len(all) == 0 {
				fmt.Println("No e-mail arrived. A user who puts `email` among the channels of their preferences gets some.")
			}
			for _, one := range all {
				fmt.Printf("%s  %s  %s\n  %s\n", one.At.Format(time.RFC3339), one.To, one.Subject, one.File)
			}
			return nil
		},
	}
}

// buildCommand builds without starting anything: for a cache to be filled, and
// for tests that need one program.
func buildCommand(find findFolders) *cobra.Command {
	return &cobra.Command{
		Use:   "build [program...]",
		Short: "Build everything, or the named programs, and print where they are",
		RunE: func(cmd *cobra.Command, args []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			report := progress.NewTerminal(os.Stderr, false, 0)
			defer report.Close()
			catalogue := parts.New(folders.Root, folders.Cache, report)
			for _, name := range args {
				path, err := buildOne(cmd.Context(), catalogue, name)
				if err != nil {
					return err
				}
				fmt.Printf("%s=%s\n", name, path)
			}
			if len(args) > 0 {
				return nil
			}
			if _, err := buildAll(cmd.Context(), folders, report); err != nil {
				return err
			}
			return catalogue.LaterImages(cmd.Context())
		},
	}
}

// buildOne makes a program, or one of the folders that tests start Kafka from.
func buildOne(ctx context.Context, catalogue *parts.Catalogue, name string) (string, error) {
	switch name {
	case "java":
		return catalogue.Java(ctx)
	case "kafka":
		return catalogue.Kafka(ctx)
	case "images":
		return catalogue.Images(ctx)
	case "charts":
		return catalogue.Charts(ctx)
	}
	return catalogue.Binary(ctx, name)
}

// pulumiCommand runs Pulumi itself on the rehearsed stack.
func pulumiCommand(find findFolders) *cobra.Command {
	return &cobra.Command{
		Use:                "pulumi [argument...]",
		Short:              "Run a command of Pulumi's on the rehearsed stack: preview, refresh, destroy, stack output, ...",
		DisableFlagParsing: true, // all of them are Pulumi's
		RunE: func(cmd *cobra.Command, args []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			if !running(folders) {
				return errors.New("no rehearsal runs: `make up` starts one")
			}
			secrets, err := folders.LoadSecrets()
			if err != nil {
				return err
			}
			pulumi := exec.CommandContext(cmd.Context(), folders.Program("pulumi"), args...)
			pulumi.Cancel = func() error { return pulumi.Process.Signal(os.Interrupt) }
			pulumi.Dir = deploy.Project(folders)
			pulumi.Stdin, pulumi.Stdout, pulumi.Stderr = os.Stdin, os.Stdout, os.Stderr
			pulumi.Env = os.Environ()
			for key, value := range deploy.Environment(folders, deploy.Options{
				Passphrase: secrets.Passphrase, Token: secrets.DigitalOceanToken, APIURL: "http://" + settings.APIAddress,
			}) {
				pulumi.Env = append(pulumi.Env, key+"="+value)
			}
			return pulumi.Run()
		},
	}
}

func packagesCommand() *cobra.Command {
	var missing bool
	cmd := &cobra.Command{
		Use:   "packages",
		Short: "Name the Debian packages that the rehearsal needs",
		Args:  cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			names := parts.DebianPackages()
			if missing {
				names = preflight.Missing(names)
			}
			fmt.Println(strings.Join(names, " "))
		},
	}
	cmd.Flags().BoolVar(&missing, "missing", false, "only those that are not installed")
	return cmd
}

func daemonCommand() *cobra.Command {
	var plan, built string
	cmd := &cobra.Command{
		Use:    "daemon",
		Short:  "What `up` starts in the background",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			read, err := daemon.ReadPlan(plan)
			if err != nil {
				return err
			}
			secrets, err := settings.Folders{State: read.State}.LoadSecrets()
			if err != nil {
				return err
			}
			log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
			return daemon.Run(cmd.Context(), read, secrets, log)
		},
	}
	cmd.Flags().StringVar(&plan, "plan", "", "what was built, and where it is")
	cmd.Flags().StringVar(&built, "built", "", "tells two plans apart")
	return cmd
}
