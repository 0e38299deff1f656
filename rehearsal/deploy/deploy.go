// Package deploy runs the project's Pulumi program against the rehearsal, or,
// for a preview, any stack against the rehearsal's DigitalOcean API. It is what
// `pulumi up` does in production: the real engine over the same program.
package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// Plugin is a resource plugin that is put into the rehearsal's plugin cache.
type Plugin struct{ Name, Version, Program string }

// Stack is one stack of the project, with its state on this machine.
type Stack struct {
	folders settings.Folders
	project project
	name    string
	stack   auto.Stack
	policy  string
	report  progress.Reporter
}

// Value is one configuration value to set.
type Value = auto.ConfigValue

// Options say how a stack is opened.
type Options struct {
	Name       string
	Passphrase string
	APIURL     string // of DigitalOcean's API
	Token      string // for DigitalOcean's API
	Plugins    []Plugin
	Policy     string           // the policy pack's program, which gates every preview and update; none when empty
	Config     map[string]Value // set over what the stack's file says; keys may be paths
	Report     progress.Reporter
}

// Open readies the stack: its plugins, its state and its configuration.
func Open(ctx context.Context, folders settings.Folders, options Options) (*Stack, error) {
	home := filepath.Join(folders.State, "pulumi", "home")
	state := filepath.Join(folders.State, "pulumi", "state")
	for _, dir := range []string{home, state} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := withoutDebugLogs(home); err != nil {
		return nil, err
	}
	at, err := projectOf(folders, options.Name)
	if err != nil {
		return nil, err
	}
	s := &Stack{folders: folders, project: at, name: options.Name, report: options.Report, policy: options.Policy}
	if err := at.mirror(folders); err != nil {
		return nil, err
	}
	workspace, err := auto.NewLocalWorkspace(ctx,
		auto.Pulumi(command{path: folders.Program("pulumi")}), auto.PulumiHome(home), auto.WorkDir(at.dir(folders)),
		auto.EnvVars(environment(folders, at, options)),
	)
	if err != nil {
		return nil, fmt.Errorf("the Pulumi project: %w", err)
	}
	for _, plugin := range options.Plugins {
		if err := InstallPlugin(home, plugin); err != nil {
			return nil, err
		}
	}
	if s.stack, err = auto.SelectStack(ctx, options.Name, workspace); auto.IsSelectStack404Error(err) {
		s.stack, err = auto.NewStack(ctx, options.Name, workspace)
	}
	if err != nil {
		return nil, fmt.Errorf("stack %s: %w", options.Name, err)
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	return s, s.configure(ctx, options.Config)
}

// Environment is what `pulumi` needs to find the rehearsal: a person who sets
// it can run any command of Pulumi's on the rehearsed stack.
func Environment(folders settings.Folders, options Options) map[string]string {
	return environment(folders, application, options)
}

func environment(folders settings.Folders, at project, options Options) map[string]string {
	return map[string]string{
		buildTarget: at.compiled(folders),
		// Two cores serve the engine, its plugins and all of production: memory is easier had.
		"GOGC": "400",
		// Every commit would have the program linked anew, only to name the commit in it.
		"GOFLAGS":                  strings.TrimSpace(os.Getenv("GOFLAGS") + " -buildvcs=false"),
		"PATH":                     folders.Bin() + ":" + os.Getenv("PATH"),
		"PULUMI_HOME":              filepath.Join(folders.State, "pulumi", "home"),
		"PULUMI_BACKEND_URL":       "file://" + filepath.Join(folders.State, "pulumi", "state"),
		"PULUMI_CONFIG_PASSPHRASE": options.Passphrase,
		"PULUMI_SKIP_UPDATE_CHECK": "true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		"DIGITALOCEAN_TOKEN":                          options.Token,
		"DIGITALOCEAN_API_URL":                        options.APIURL,
	}
}

// withoutDebugLogs keeps the engine from writing its debug log, which no setting does: it
// encodes, packs and encrypts every property of every call, with more processor time
// than all the rest of an update takes, and 160 MB a time. It goes on without a log when it
// cannot make the folder.
func withoutDebugLogs(home string) error {
	logs := filepath.Join(home, "logs")
	if at, err := os.Lstat(logs); err == nil && at.Mode().IsRegular() {
		return nil
	}
	if err := os.RemoveAll(logs); err != nil {
		return err
	}
	return os.WriteFile(logs, []byte("A file where a folder would be: the engine writes no debug logs.\n"), 0o644)
}

// buildTarget is the variable by which the language host is told where to build the program.
const buildTarget = "PULUMI_GO_BUILD_TARGET"

// InstallLanguageHost makes the language host found at a path. The engine hands it the project's
// options by its protocol, and this one, which is older, takes them as flags. What is built
// in the same place again is linked only when something changed: that saves half a minute
// of every command, for which the host would link the program in a new place each time.
func InstallLanguageHost(program, path string) error {
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' -buildTarget \"$%s\" \"$@\"\n", strings.ReplaceAll(program, "'", `'\''`), buildTarget)
	if had, err := os.ReadFile(path); err == nil && string(had) == script {
		return nil
	}
	// What was there may be a link to the host, which must not be written to.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(script), 0o755)
}

// InstallPlugin puts a plugin where the engine looks for it, as `pulumi plugin
// install --file` does. It is replaced after each new build.
func InstallPlugin(home string, plugin Plugin) error {
	name := "resource-" + plugin.Name + "-v" + plugin.Version
	dir := filepath.Join(home, "plugins", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	link := filepath.Join(dir, "pulumi-resource-"+plugin.Name)
	if at, err := os.Readlink(link); err == nil && at == plugin.Program {
		return nil
	}
	_ = os.Remove(link)
	if err := os.Symlink(plugin.Program, link); err != nil {
		return fmt.Errorf("plugin %s: %w", plugin.Name, err)
	}
	return nil
}

// configure makes the stack's file anew from the checkout's and sets the values
// over it, unless neither changed.
func (s *Stack) configure(ctx context.Context, values map[string]Value) error {
	raw, err := os.ReadFile(s.project.file(s.folders, s.name))
	if err != nil {
		return err
	}
	file := filepath.Join(s.project.dir(s.folders), stackFile(s.name))
	stamp := file + ".from"
	wanted := string(raw) + "\n" + describe(values)
	if had, err := os.ReadFile(stamp); err == nil && string(had) == wanted {
		return nil
	}
	own, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// The salt is what the stack's secrets were made with, so it stays.
	content := string(raw)
	if salt := saltLine.FindString(string(own)); salt != "" && !saltLine.MatchString(content) {
		content = salt + "\n" + content
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		return err
	}
	if err := s.stack.SetAllConfigWithOptions(ctx, values, &auto.ConfigOptions{Path: true}); err != nil {
		return fmt.Errorf("configure stack %s: %w", s.name, err)
	}
	return os.WriteFile(stamp, []byte(wanted), 0o600)
}

var saltLine = regexp.MustCompile(`(?m)^encryptionsalt: .*$`)

// packs lists the policy packs that a preview or an update has to pass.
func (s *Stack) packs() []string {
	if s.policy == "" {
		return nil
	}
	return []string{s.policy}
}

func describe(values map[string]Value) string {
	var out strings.Builder
	for _, key := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&out, "%s=%s\n", key, values[key].Value)
	}
	return out.String()
}

// Changes counts what an operation did to resources, by kind ("create", "same").
type Changes map[string]int

// None tells that nothing was changed.
func (c Changes) None() bool {
	for kind, n := range c {
		if kind != "same" && kind != "read" && n > 0 {
			return false
		}
	}
	return true
}

func (c Changes) String() string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(c)) {
		if c[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c[kind], kind))
		}
	}
	return strings.Join(parts, ", ")
}

// Up brings the stack to what the program says, gated by the policy pack. Resources of the
// components whose types begin so are left as they are, or out when they are not there.
func (s *Stack) Up(ctx context.Context, without ...string) (Changes, error) {
	log, err := s.log("up")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	name := "pulumi up --stack " + s.name
	var excluded []string
	for _, component := range without {
		excluded = append(excluded, "**$"+component+"**")
		name += " --exclude '" + excluded[len(excluded)-1] + "'"
	}
	watch := follow(s.report, name)
	_, err = s.stack.Up(ctx, optup.PolicyPacks(s.packs()...), optup.Exclude(excluded),
		optup.ProgressStreams(log), optup.ErrorProgressStreams(log), optup.EventStreams(watch.events))
	return watch.end(explain(err, log.Name()))
}

// Has tells whether the stack has components of every one of these types, which are given by
// their beginnings.
func (s *Stack) Has(ctx context.Context, types ...string) (bool, error) {
	state, err := s.stack.Export(ctx)
	if err != nil {
		return false, fmt.Errorf("read the state of stack %s: %w", s.name, err)
	}
	return hasTypes(state.Deployment, types)
}

func hasTypes(deployment []byte, types []string) (bool, error) {
	var state struct {
		Resources []struct{ Type string }
	}
	if len(deployment) > 0 { // a stack that never was updated has no state
		if err := json.Unmarshal(deployment, &state); err != nil {
			return false, fmt.Errorf("read the state: %w", err)
		}
	}
	for _, wanted := range types {
		if !slices.ContainsFunc(state.Resources, func(one struct{ Type string }) bool { return strings.HasPrefix(one.Type, wanted) }) {
			return false, nil
		}
	}
	return true, nil
}

// Preview tells what Up would do. Everything that Pulumi prints goes to out; the
// engine's events go to log, a line of JSON each.
func (s *Stack) Preview(ctx context.Context, out, log io.Writer) (Changes, error) {
	var extra []optpreview.Option
	if out != io.Discard {
		extra = append(extra, optpreview.ProgressStreams(out), optpreview.ErrorProgressStreams(out))
	}
	watch := follow(progress.Discard, "")
	watch.log = json.NewEncoder(log)
	_, err := s.stack.Preview(ctx, append(extra,
		optpreview.PolicyPacks(s.packs()...), optpreview.EventStreams(watch.events))...)
	return watch.end(err)
}

// Refresh makes the state what is really there.
func (s *Stack) Refresh(ctx context.Context) (Changes, error) {
	log, err := s.log("refresh")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	watch := follow(s.report, "pulumi refresh --stack "+s.name)
	_, err = s.stack.Refresh(ctx, optrefresh.ProgressStreams(log),
		optrefresh.ErrorProgressStreams(log), optrefresh.EventStreams(watch.events))
	return watch.end(explain(err, log.Name()))
}

// Destroy removes all that the stack made.
func (s *Stack) Destroy(ctx context.Context) (Changes, error) {
	log, err := s.log("destroy")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	watch := follow(s.report, "pulumi destroy --stack "+s.name)
	_, err = s.stack.Destroy(ctx, optdestroy.ProgressStreams(log),
		optdestroy.ErrorProgressStreams(log), optdestroy.EventStreams(watch.events))
	return watch.end(explain(err, log.Name()))
}

// Outputs returns the stack's outputs; secrets are in clear.
func (s *Stack) Outputs(ctx context.Context) (map[string]any, error) {
	outputs, err := s.stack.Outputs(ctx)
	if err != nil {
		return nil, fmt.Errorf("outputs of stack %s: %w", s.name, err)
	}
	plain := map[string]any{}
	for key, output := range outputs {
		plain[key] = output.Value
	}
	return plain, nil
}

func (s *Stack) log(operation string) (*os.File, error) {
	dir := filepath.Join(s.folders.State, "log")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, s.project.name+"-"+operation+".log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
}

// explain replaces Pulumi's whole output, which its errors carry, by where it is.
func explain(err error, log string) error {
	if err == nil {
		return nil
	}
	if auto.IsConcurrentUpdateError(err) {
		return errors.New("another pulumi took the stack's lock meanwhile: wait for its end, then run this again")
	}
	return fmt.Errorf("pulumi failed; its whole output is in %s", log)
}

// watcher turns the engine's events into progress and into counts.
type watcher struct {
	events  chan events.EngineEvent
	done    chan struct{}
	stage   progress.Stage
	report  progress.Reporter
	since   map[string]time.Time
	slow    map[string]progress.Stage
	changes Changes
	ended   int
	errs    []error
	log     *json.Encoder // of the events; nil: they are not kept
	logErr  error
}

// slowAfter is how long a resource takes before it gets a line of its own.
const slowAfter = 5 * time.Second

func follow(report progress.Reporter, name string) *watcher {
	w := &watcher{
		events: make(chan events.EngineEvent, 256), done: make(chan struct{}),
		stage: report.Stage(name), report: report,
		since: map[string]time.Time{}, slow: map[string]progress.Stage{}, changes: Changes{},
	}
	go w.run()
	return w
}

func (w *watcher) run() {
	defer close(w.done)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case event, open := <-w.events:
			if !open {
				return
			}
			w.take(event)
		case <-tick.C:
			for urn, since := range w.since {
				if _, told := w.slow[urn]; !told && time.Since(since) > slowAfter {
					w.slow[urn] = w.report.Stage("  " + label(urn))
				}
			}
		}
	}
}

func (w *watcher) take(event events.EngineEvent) {
	if w.log != nil {
		if err := w.log.Encode(event.EngineEvent); err != nil {
			w.logErr = fmt.Errorf("log of the engine's events: %w", err)
		}
	}
	switch {
	case event.ResourcePreEvent != nil:
		w.since[event.ResourcePreEvent.Metadata.URN] = time.Now()
	case event.ResOutputsEvent != nil:
		w.finish(event.ResOutputsEvent.Metadata.URN, nil)
		w.ended++
	case event.ResOpFailedEvent != nil:
		w.finish(event.ResOpFailedEvent.Metadata.URN, errors.New("failed"))
	case event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "error":
		d := event.DiagnosticEvent
		if text := strings.TrimSpace(plain(d.Message)); text != "" {
			w.errs = append(w.errs, fmt.Errorf("%s: %s", label(d.URN), text))
		}
	case event.DiagnosticEvent != nil && (event.DiagnosticEvent.Ephemeral || event.DiagnosticEvent.Severity == "warning"):
		d := event.DiagnosticEvent
		w.say(d.URN, strings.TrimSpace(plain(d.Message)))
	case event.PolicyEvent != nil && event.PolicyEvent.EnforcementLevel == "mandatory":
		p := event.PolicyEvent
		w.errs = append(w.errs, fmt.Errorf("policy %s: %s: %s", p.PolicyName, label(p.ResourceURN), strings.TrimSpace(plain(p.Message))))
	case event.SummaryEvent != nil:
		for kind, n := range event.SummaryEvent.ResourceChanges {
			w.changes[string(kind)] += n
		}
	}
	waiting := slices.Sorted(maps.Keys(w.since))
	text := fmt.Sprintf("%d done", w.ended)
	if len(waiting) > 0 {
		text += ", " + label(waiting[0])
	}
	if len(waiting) > 1 {
		text += fmt.Sprintf(" and %d more", len(waiting)-1)
	}
	w.stage.Detail("%s", text)
}

// say shows what a resource is waiting for, or in what trouble its pods are,
// beside its name. All of it is in the log.
func (w *watcher) say(urn, text string) {
	if _, waits := w.since[urn]; !waits || text == "" {
		return
	}
	if _, told := w.slow[urn]; !told {
		w.slow[urn] = w.report.Stage("  " + label(urn))
	}
	first, _, _ := strings.Cut(text, "\n")
	w.slow[urn].Detail("%s", first)
}

func (w *watcher) finish(urn string, err error) {
	delete(w.since, urn)
	if told, ok := w.slow[urn]; ok {
		told.Done(err)
		delete(w.slow, urn)
	}
}

// end waits for the last event. The engine's own diagnostics come before err.
func (w *watcher) end(err error) (Changes, error) {
	select {
	case <-w.done:
	case <-time.After(5 * time.Second): // the command could not even start
	}
	w.stage.Done(err)
	if err != nil {
		return w.changes, errors.Join(append(w.errs, err)...)
	}
	return w.changes, w.logErr
}

// label is what a person calls a resource: its type's last part and its name.
func label(urn string) string {
	parts := strings.Split(urn, "::")
	if len(parts) < 4 {
		return "pulumi"
	}
	kind := parts[2][strings.LastIndexAny(parts[2], ":/$")+1:]
	return kind + " " + parts[3]
}

// plain takes the engine's colour marks out of a text.
func plain(text string) string {
	for {
		start := strings.Index(text, "<{%")
		if start < 0 {
			return text
		}
		end := strings.Index(text[start:], "%}>")
		if end < 0 {
			return text
		}
		text = text[:start] + text[start+end+3:]
	}
}

// JSON is how outputs are handed to other programs.
func JSON(outputs map[string]any) ([]byte, error) { return json.MarshalIndent(outputs, "", "  ") }
