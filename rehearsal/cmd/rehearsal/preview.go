package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/rehearsal/deploy"
	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/parts"
	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
	"github.com/wealth-companion/companion/stacks"
)

// previewCommand previews any stack against an API of its own: no cluster, no
// root, nothing that stays.
func previewCommand(find findFolders) *cobra.Command {
	var stack, events string
	cmd := &cobra.Command{
		Use:   "preview",
		Short: "Preview a stack with the policy pack, against a DigitalOcean account that has its foundation, or a foundation, against an empty one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			err = preview(cmd.Context(), folders, stack, events)
			return errors.Join(err, logErrors(events, err))
		},
	}
	cmd.Flags().StringVar(&stack, "stack", "prod", "the stack: those with a Pulumi.<stack>.yaml, here or in infra/foundation")
	cmd.Flags().StringVar(&events, "event-log", "", "a file for the engine's events, a line of JSON each, as Pulumi's flag of this name writes it")
	return cmd
}

// preview previews a stack and, unless eventLog is empty, writes the engine's events to
// that file, also when the preview fails.
func preview(ctx context.Context, folders settings.Folders, stack, eventLog string) error {
	if err := deploy.Check(folders, stack); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "companion-preview-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	folders.State = scratch

	report := progress.NewTerminal(os.Stderr, false, 0)
	defer report.Close()
	binaries, err := parts.New(folders.Root, folders.Cache, report).Binaries(ctx, parts.Previewing...)
	if err != nil {
		return err
	}
	if err := linkPrograms(folders, binaries); err != nil {
		return err
	}
	const token = "dop_v1_preview"
	api, err := doapi.New(scratch+"/digitalocean", token, doapi.PreviewOnly)
	if err != nil {
		return err
	}
	defer func() { _ = api.Close() }()
	address, stop, err := listen(api)
	if err != nil {
		return err
	}
	defer stop()

	options := deploy.Options{
		Name: stack, Passphrase: "preview", Token: token, APIURL: "http://" + address,
		Plugins: plugins(binaries), Policy: folders.Program("companion-policy"), Report: report,
	}
	if deploy.IsFoundation(folders, stack) {
		options.Config = providerConfig(options)
	} else {
		account, err := layFoundation(ctx, folders, options)
		if err != nil {
			return err
		}
		release, err := pretendPush(api, account.RegistryName, filepath.Join(folders.Root, imagesFile))
		if err != nil {
			return err
		}
		options.Config = placeholders(token, address)
		options.Config["companion:release"] = deploy.Value{Value: release}
	}
	opened, err := deploy.Open(ctx, folders, options)
	if err != nil {
		return err
	}
	changes, err := previewInto(ctx, opened, eventLog)
	if err != nil {
		return err
	}
	fmt.Printf("Stack %s: %s.\n", stack, changes)
	return nil
}

// imagesFile is what `make ci-images` leaves in the checkout.
const imagesFile = "bin/ci/images.json"

// pretendPush has the account's registry know the release that file describes and returns
// its name. Without the file the plan still has to be of some release: its digests are
// made up, always the same ones, and it is called so.
func pretendPush(api *doapi.Server, registry, file string) (string, error) {
	raw, err := os.ReadFile(file)
	made := published{Release: "preview"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		for _, service := range parts.Services {
			made.Images = append(made.Images, publishedImage{Name: service, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("preview of "+service)))})
		}
		fmt.Fprintf(os.Stderr, "There is no %s, which `make ci-images` writes: the plan is of a release \"preview\" whose digests are made up.\n", imagesFile)
	case err != nil:
		return "", err
	default:
		if err := json.Unmarshal(raw, &made); err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
	}
	for _, image := range made.Images {
		if err := errors.Join(api.Push(registry, image.Name), api.Tag(registry, image.Name, made.Release, image.Digest)); err != nil {
			return "", err
		}
	}
	return made.Release, nil
}

func previewInto(ctx context.Context, stack *deploy.Stack, eventLog string) (deploy.Changes, error) {
	if eventLog == "" {
		return stack.Preview(ctx, os.Stdout, io.Discard)
	}
	file, err := os.Create(eventLog)
	if err != nil {
		return nil, err
	}
	changes, err := stack.Preview(ctx, os.Stdout, file)
	return changes, errors.Join(err, file.Close())
}

// logErrors writes what kept the engine from starting, such as a configuration that is none,
// to a log of events that has none.
func logErrors(eventLog string, err error) error {
	if eventLog == "" || err == nil {
		return nil
	}
	if info, stat := os.Stat(eventLog); stat == nil && info.Size() > 0 {
		return nil
	}
	file, create := os.Create(eventLog)
	if create != nil {
		return create
	}
	encoder := json.NewEncoder(file)
	for _, one := range flatten(err) {
		event := apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{Severity: "error", Message: one.Error()}}
		if err := encoder.Encode(event); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return file.Close()
}

// placeholders stand for the secrets, which a preview names and never reads.
func placeholders(token, address string) map[string]deploy.Value {
	secret := func(value string) deploy.Value { return deploy.Value{Value: value, Secret: true} }
	config := map[string]deploy.Value{
		"digitalocean:token":       secret(token),
		"digitalocean:apiEndpoint": {Value: "http://" + address},
		"companion:redisPassword":  secret("preview-only"),
		"companion:authSigningKey": secret(strings.Repeat("preview-", 5)),
		"companion:sessionKey":     secret(strings.Repeat("preview-", 5)),
		"companion:kafkaSeed":      secret("preview-only"),
		"companion:sidecarSeed":    secret("preview-only"),
	}
	// Theirs that may be done without; which the stack does not do without, is its file's.
	for _, key := range []string{"mailPassword", "oidcClientSecret", "dnsToken", "grafanaPassword"} {
		config["companion:"+key] = secret("preview-only")
	}
	config["companion:alertWebhook"] = secret("https://alerts.invalid/preview-only")
	config["companion:pushPrivateKey"] = secret(base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("preview-", 4))))
	config["companion:migrationUrl"] = secret("postgres://migrator:preview@database.invalid/companion?sslmode=verify-full")
	for _, service := range stacks.DatabaseServices {
		config["companion:databaseUrls."+service] = secret("postgres://" + service + ":preview@database.invalid/companion?sslmode=verify-full")
	}
	return config
}

// listen serves on a free port of loopback.
func listen(handler http.Handler) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), func() { _ = server.Close() }, nil
}
