package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/wealth-companion/companion/rehearsal/cluster"
	"github.com/wealth-companion/companion/rehearsal/daemon"
	"github.com/wealth-companion/companion/rehearsal/deploy"
	"github.com/wealth-companion/companion/rehearsal/parts"
	"github.com/wealth-companion/companion/rehearsal/preflight"
	"github.com/wealth-companion/companion/rehearsal/process"
	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
	"github.com/wealth-companion/companion/stacks"
)

// stackName is the stack whose configuration fits this machine.
const stackName = "rehearsal"

func upCommand(find findFolders) *cobra.Command {
	var skipValidation bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build, start and validate production on this machine; run again, it goes on or changes nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			terminal := newTerminal()
			defer terminal.Close()
			return up(cmd.Context(), folders, terminal, !skipValidation)
		},
	}
	cmd.Flags().BoolVar(&skipValidation, "skip-validation", false, "do not send a transaction through at the end")
	return cmd
}

func newTerminal() *progress.Terminal {
	descriptor := int(os.Stdout.Fd())
	width, _, err := term.GetSize(descriptor)
	return progress.NewTerminal(os.Stdout, term.IsTerminal(descriptor) && err == nil, width)
}

func up(ctx context.Context, folders settings.Folders, terminal *progress.Terminal, validation bool) error {
	began := time.Now()
	if err := errors.Join(preflight.Check(wants(folders)), deploy.Check(folders, stackName)); err != nil {
		return err
	}
	secrets, err := folders.LoadSecrets()
	if err != nil {
		return err
	}
	built, err := buildAll(ctx, folders, terminal)
	if err != nil {
		return err
	}
	if err := linkPrograms(folders, built.binaries); err != nil {
		return err
	}
	if err := startDaemon(ctx, folders, built, terminal); err != nil {
		return err
	}
	if err := awaitClusters(ctx, secrets, terminal); err != nil {
		return err
	}
	if err := prepareDatabase(ctx, folders, secrets, terminal); err != nil {
		return err
	}
	options, err := stackOptions(folders, secrets, built, terminal)
	if err != nil {
		return err
	}
	account, err := layFoundation(ctx, folders, options)
	if err != nil {
		return err
	}
	if err := publish(ctx, account.RegistryName, secrets, built, terminal); err != nil {
		return err
	}
	stack, err := openStack(ctx, folders, options, terminal)
	if err != nil {
		return err
	}
	access, err := bringUp(ctx, folders, stack, terminal, validation)
	if err != nil {
		return err
	}
	ready, err := ready(ctx, folders, access)
	if err != nil {
		return err
	}
	summary(folders, access, ready, time.Since(began), terminal)
	return nil
}

// laterComponents are the types of the components that the application does without. They
// are of parts for later (parts.Part), whose images are made when it has been validated.
var laterComponents = []string{"companion:observability:"}

// bringUp brings the application up and validates it, and then everything else: what
// watches the application must not keep it from running. Where that is there already, one
// update has everything.
func bringUp(ctx context.Context, folders settings.Folders, stack *deploy.Stack, terminal *progress.Terminal, validation bool) (access, error) {
	complete, err := stack.Has(ctx, laterComponents...)
	if err != nil {
		return access{}, err
	}
	if !complete && validation {
		a, err := bring(ctx, folders, stack, terminal, laterComponents...)
		if err != nil {
			return access{}, err
		}
		if err := validate(ctx, folders, a, terminal); err != nil {
			return access{}, err
		}
	}
	if err := parts.New(folders.Root, folders.Cache, terminal).LaterImages(ctx); err != nil {
		return access{}, err
	}
	a, err := bring(ctx, folders, stack, terminal)
	if err != nil || !complete || !validation {
		return a, err
	}
	return a, validate(ctx, folders, a, terminal)
}

// bring brings the stack up, but for some components, and writes how it is reached.
func bring(ctx context.Context, folders settings.Folders, stack *deploy.Stack, terminal *progress.Terminal, without ...string) (access, error) {
	changes, err := stack.Up(ctx, without...)
	if err != nil {
		return access{}, err
	}
	terminal.Println("  " + changes.String())
	outputs, err := stack.Outputs(ctx)
	if err != nil {
		return access{}, err
	}
	return writeAccess(ctx, folders, outputs)
}

// ready counts what the cluster says is ready, and fails when something is not
// within a minute: Pulumi has waited for what it made, not for what that makes.
func ready(ctx context.Context, folders settings.Folders, a access) (summary string, err error) {
	for deadline := time.Now().Add(time.Minute); ; {
		if summary, err = count(ctx, folders, a); err == nil || time.Now().After(deadline) {
			return summary, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func count(ctx context.Context, folders settings.Folders, a access) (string, error) {
	var summary []string
	for _, kind := range []struct{ name, args string }{
		{"nodes", "nodes"}, {"Kafka", "kafkas.kafka.strimzi.io --all-namespaces"}, {"pods", "pods --all-namespaces"},
	} {
		kubectl := exec.CommandContext(ctx, folders.Program("kubectl"), append(append(
			[]string{"--kubeconfig", a.kubeconfig, "--request-timeout", "20s", "get"}, strings.Fields(kind.args)...), "--output", "json")...)
		raw, err := kubectl.Output()
		if err != nil {
			return "", fmt.Errorf("count what is ready of %s: %w", kind.name, err)
		}
		ready, of, err := countReady(raw)
		if err != nil {
			return "", fmt.Errorf("count what is ready of %s: %w", kind.name, err)
		}
		if ready < of {
			return "", fmt.Errorf("%d of %d %s are ready: `make status` names the others", ready, of, kind.name)
		}
		summary = append(summary, fmt.Sprintf("%s %d/%d", kind.name, ready, of))
	}
	return strings.Join(summary, ", "), nil
}

// countReady counts the items of a list of Kubernetes' and those that have the
// condition Ready. A pod that has done its work, or is going, counts for neither.
func countReady(raw []byte) (ready, of int, err error) {
	var list struct {
		Items []struct {
			Metadata struct{ DeletionTimestamp string }
			Status   struct {
				Phase      string
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return 0, 0, err
	}
	for _, item := range list.Items {
		if item.Status.Phase == "Succeeded" || item.Metadata.DeletionTimestamp != "" {
			continue
		}
		of++
		for _, condition := range item.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" {
				ready++
			}
		}
	}
	return ready, of, nil
}

// wants is what a rehearsal needs of the machine. Ports that the rehearsal
// itself holds already are free to it.
func wants(folders settings.Folders) preflight.Wants {
	ports := []string{
		settings.APIAddress, settings.ChartsAddress, settings.PushAddress,
		fmt.Sprintf("127.0.0.1:%d", settings.HTTPSPort), fmt.Sprintf("127.0.0.1:%d", settings.HTTPPort),
		cluster.EtcdAddress,
	}
	if running(folders) {
		ports = nil
	}
	return preflight.Wants{
		Packages: parts.DebianPackages(), Programs: parts.HostTools(), Ports: ports,
		Ranges: []netip.Prefix{settings.VPC, settings.Pods, settings.Services}, Bridge: settings.Bridge,
		Disk:   map[string]uint64{folders.Cache: needed(folders.Cache, 14<<30), folders.State: needed(folders.State, 8<<30)},
		Memory: memoryNeeded(folders),
	}
}

// needed is the room that a folder wants: less when most of it is there.
func needed(folder string, whole uint64) uint64 {
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 3 {
		return whole / 4
	}
	return whole
}

func memoryNeeded(folders settings.Folders) uint64 {
	if running(folders) {
		return 512 << 20
	}
	return 6 << 30
}

// running tells whether a daemon of the rehearsal answers.
func running(folders settings.Folders) bool {
	raw, err := os.ReadFile(daemon.ReadyFile(folders.State))
	if err != nil {
		return false
	}
	_, err = os.Stat("/proc/" + strings.TrimSpace(string(raw)))
	return err == nil
}

// made is what buildAll made.
type made struct {
	binaries map[string]string
	charts   string
	gateway  string // the folder of the Gateway API's definitions
	store    string
	release  string
}

func buildAll(ctx context.Context, folders settings.Folders, report progress.Reporter) (made, error) {
	catalogue := parts.New(folders.Root, folders.Cache, report)
	built := made{store: catalogue.Store()}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return catalogue.Compile(ctx, deploy.Programs(folders)) })
	group.Go(func() (err error) { built.binaries, err = catalogue.Binaries(ctx); return err })
	group.Go(func() (err error) { built.charts, err = catalogue.Charts(ctx); return err })
	group.Go(func() (err error) { built.gateway, err = catalogue.GatewayDefinitions(ctx); return err })
	group.Go(func() (err error) { built.release, err = catalogue.Images(ctx); return err })
	if err := group.Wait(); err != nil {
		return made{}, err
	}
	return built, nil
}

// linkPrograms puts the host's programs where they are found by their plain
// names. Pulumi's plugins are not among them: the engine would take those on
// the PATH before those of its cache, and warn.
func linkPrograms(folders settings.Folders, binaries map[string]string) error {
	if err := os.MkdirAll(folders.Bin(), 0o755); err != nil {
		return err
	}
	for name, path := range binaries {
		if strings.HasPrefix(name, "pulumi-resource-") {
			continue
		}
		link := folders.Program(name)
		if name == "pulumi-language-go" {
			if err := deploy.InstallLanguageHost(path, link); err != nil {
				return err
			}
			continue
		}
		if same(link, path) {
			continue
		}
		_ = os.Remove(link)
		if err := put(name, path, link); err != nil {
			return err
		}
	}
	return nil
}

func same(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// put makes program found at link. Pulumi looks for its language host beside
// its own file, which a symbolic link would move.
func put(name, program, link string) error {
	if name == "pulumi" && os.Link(program, link) == nil {
		return nil
	}
	return os.Symlink(program, link)
}

// startDaemon has the daemon run with what was built, and waits until it answers.
func startDaemon(ctx context.Context, folders settings.Folders, built made, report progress.Reporter) error {
	stage := report.Stage("start DigitalOcean's API, the registry and PostgreSQL")
	err := func() error {
		program, err := keepSelf(folders)
		if err != nil {
			return err
		}
		plan := filepath.Join(folders.State, "daemon.json")
		if err := daemon.WritePlan(plan, daemon.Plan{
			State: folders.State, Binaries: built.binaries, Images: built.store, Charts: built.charts,
			PauseImage: parts.PauseImage, Definitions: built.gateway,
			Addons: cluster.AddonImages{CoreDNS: parts.CoreDNSImage, Provisioner: parts.ProvisionerImage, Busybox: parts.BusyboxImage},
		}); err != nil {
			return err
		}
		processes, err := process.New(folders.State, quietLog())
		if err != nil {
			return err
		}
		defer processes.Release()
		ready := daemon.ReadyFile(folders.State)
		spec := process.Spec{Name: daemon.Name, Path: program, Args: []string{"daemon", "--plan", plan, "--built", planKey(built)}}
		if err := processes.Ensure(spec); err != nil {
			return err
		}
		for deadline := time.Now().Add(90 * time.Second); ; {
			if states, err := processes.List(); err == nil && readyBy(ready, states) {
				return nil
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the rehearsal's daemon does not answer: its log is %s", processes.LogFile(daemon.Name))
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	stage.Done(err)
	return err
}

// awaitClusters waits until the clusters that a new daemon takes up run again:
// Pulumi would find their API servers silent.
func awaitClusters(ctx context.Context, secrets settings.Secrets, report progress.Reporter) error {
	client, err := digitalOcean(settings.APIAddress, secrets.DigitalOceanToken)
	if err != nil {
		return err
	}
	var stage progress.Stage
	for deadline := time.Now().Add(3 * time.Minute); ; {
		clusters, _, err := client.Kubernetes.List(ctx, nil)
		if err != nil {
			return fmt.Errorf("DigitalOcean's API of the rehearsal: %w", err)
		}
		index := slices.IndexFunc(clusters, func(c *godo.KubernetesCluster) bool {
			return c.Status != nil && c.Status.State == godo.KubernetesClusterStatusProvisioning
		})
		if index < 0 {
			if stage != nil {
				stage.Done(nil)
			}
			return nil
		}
		if stage == nil {
			stage = report.Stage("take up the cluster " + clusters[index].Name)
		}
		if time.Now().After(deadline) {
			err := fmt.Errorf("the cluster %s does not come up again: look at `make logs`, or begin anew with `make down`", clusters[index].Name)
			stage.Done(err)
			return err
		}
		select {
		case <-ctx.Done():
			stage.Done(ctx.Err())
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// planKey changes when what was built did, and then the daemon is started anew.
func planKey(built made) string {
	return fmt.Sprint(len(built.binaries), built.charts, built.gateway, built.binaries["kubelet"])
}

// readyBy tells whether the daemon that runs now is the one that reported that it is ready.
func readyBy(file string, states []process.State) bool {
	raw, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for _, state := range states {
		if state.Name == daemon.Name && state.Running && strconv.Itoa(state.PID) == strings.TrimSpace(string(raw)) {
			return true
		}
	}
	return false
}

// keepSelf copies this program to where the daemon can go on running from, when
// the checkout or its build is gone.
func keepSelf(folders settings.Folders) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	target := filepath.Join(folders.Bin(), fmt.Sprintf("rehearsal-%08x", checksum(raw)))
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.WriteFile(target+".new", raw, 0o755); err != nil {
		return "", err
	}
	return target, os.Rename(target+".new", target)
}

// prepareDatabase creates the services' roles and schemas, as an operator of
// Neon's would, with the operators' tool.
func prepareDatabase(ctx context.Context, folders settings.Folders, secrets settings.Secrets, report progress.Reporter) error {
	stage := report.Stage("prepare the database")
	args := []string{"database", "prepare"}
	env := append(os.Environ(), "DATABASE_ADMIN_URL="+daemon.Postgres(folders.State, secrets).AdminURL(), "MIGRATOR_PASSWORD="+secrets.Migrator)
	for _, service := range stacks.DatabaseServices {
		args = append(args, "--service", service)
		env = append(env, strings.ToUpper(service)+"_PASSWORD="+secrets.Databases[service])
	}
	cmd := exec.CommandContext(ctx, folders.Program("companionctl"), args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("prepare the database: %w: %s", err, strings.TrimSpace(string(out)))
	}
	stage.Done(err)
	return err
}

func openStack(ctx context.Context, folders settings.Folders, options deploy.Options, report progress.Reporter) (*deploy.Stack, error) {
	stage := report.Stage("configure the stack " + stackName)
	stack, err := deploy.Open(ctx, folders, options)
	stage.Done(err)
	return stack, err
}

func stackOptions(folders settings.Folders, secrets settings.Secrets, built made, report progress.Reporter) (deploy.Options, error) {
	database := daemon.Postgres(folders.State, secrets)
	config := map[string]deploy.Value{
		"digitalocean:token":       {Value: secrets.DigitalOceanToken, Secret: true},
		"companion:redisPassword":  {Value: secrets.Redis, Secret: true},
		"companion:authSigningKey": {Value: secrets.AuthSigningKey, Secret: true},
		"companion:sessionKey":     {Value: secrets.SessionKey, Secret: true},
		"companion:kafkaSeed":      {Value: secrets.KafkaSeed, Secret: true},
		"companion:sidecarSeed":    {Value: secrets.SidecarSeed, Secret: true},
		"companion:release":        {Value: built.release},
		"companion:pushPrivateKey": {Value: secrets.PushPrivateKey, Secret: true},
	}
	authority, err := database.Authority()
	if err != nil {
		return deploy.Options{}, fmt.Errorf("the database's certificate: %w", err)
	}
	config["companion:database.authority"] = deploy.Value{Value: authority}
	config["companion:migrationUrl"] = deploy.Value{Value: database.VerifiedURL("migrator", secrets.Migrator, settings.Database), Secret: true}
	for _, service := range stacks.DatabaseServices {
		config["companion:databaseUrls."+service] = deploy.Value{
			Value: database.VerifiedURL(service, secrets.Databases[service], settings.Database), Secret: true,
		}
	}
	return deploy.Options{
		Name: stackName, Passphrase: secrets.Passphrase, Token: secrets.DigitalOceanToken,
		APIURL: "http://" + settings.APIAddress, Plugins: plugins(built.binaries),
		Policy: folders.Program("companion-policy"), Config: config, Report: report,
	}, nil
}

func plugins(binaries map[string]string) []deploy.Plugin {
	return []deploy.Plugin{
		{Name: "kubernetes", Version: parts.KubernetesPlugin, Program: binaries["pulumi-resource-kubernetes"]},
		{Name: "digitalocean", Version: parts.DigitalOceanPlugin, Program: binaries["pulumi-resource-digitalocean"]},
	}
}

// access is how a person and the tools reach what was put up.
type access struct{ url, kubeconfig, smoke, ca string }

func writeAccess(ctx context.Context, folders settings.Folders, all map[string]any) (access, error) {
	outputs, err := stacks.ReadOutputs(all)
	if err != nil {
		return access{}, err
	}
	a := access{
		url:        outputs.URL,
		kubeconfig: filepath.Join(folders.State, "kubeconfig"),
		smoke:      filepath.Join(folders.State, "kubeconfig-smoke"),
		ca:         filepath.Join(folders.State, "ca.crt"),
	}
	if err := os.WriteFile(a.kubeconfig, []byte(outputs.Kubeconfig), 0o600); err != nil {
		return access{}, err
	}
	if err := os.WriteFile(a.smoke, []byte(outputs.SmokeKubeconfig), 0o600); err != nil {
		return access{}, err
	}
	kubectl := exec.CommandContext(ctx, folders.Program("kubectl"), "--kubeconfig", a.kubeconfig, "--namespace", "cert-manager",
		"get", "secret", "companion-ca", "--output", `go-template={{index .data "tls.crt" | base64decode}}`)
	authority, err := kubectl.Output()
	if err != nil {
		return access{}, fmt.Errorf("read the stack's certificate authority: %w", err)
	}
	return a, os.WriteFile(a.ca, authority, 0o644)
}

// validate sends a transaction all the way, with the operators' tool.
func validate(ctx context.Context, folders settings.Folders, a access, terminal *progress.Terminal) error {
	stage := terminal.Stage("validate the event flow")
	cmd := exec.CommandContext(ctx, folders.Program("companionctl"), validateArgs(a)...)
	out, err := cmd.CombinedOutput()
	stage.Done(err)
	for line := range strings.Lines(string(out)) {
		terminal.Println("  " + strings.TrimRight(line, "\n"))
	}
	if err != nil {
		return fmt.Errorf("the event flow is not valid: %w", err)
	}
	return nil
}

func validateArgs(a access) []string {
	address := strings.TrimPrefix(a.url, "https://")
	host, _, _ := strings.Cut(address, ":")
	return []string{
		"validate", "--url", a.url, "--ca-file", a.ca, "--kubeconfig", a.smoke,
		"--resolve", fmt.Sprintf("%s:127.0.0.1:%d", address, settings.HTTPSPort),
		"--email", "validation@" + strings.TrimPrefix(host, "app."),
	}
}

func summary(folders settings.Folders, a access, ready string, took time.Duration, terminal *progress.Terminal) {
	for _, line := range []string{
		"",
		fmt.Sprintf("Production is up on this machine, %s after `up` began.", took.Round(time.Second)),
		"  ready         " + ready,
		fmt.Sprintf("  web           %s   (its authority: %s)", a.url, a.ca),
		fmt.Sprintf("  API, MCP      %[1]s/api/v1, %[1]s/mcp", a.url),
		fmt.Sprintf("  cluster       export KUBECONFIG=%s PATH=%s:$PATH; kubectl get pods -A", a.kubeconfig, folders.Bin()),
		"  state, logs   make status, make logs",
		"  e-mails       make mail",
		"  the end       make down",
	} {
		terminal.Println(line)
	}
}
