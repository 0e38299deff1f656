// Package parts is the catalogue of what the rehearsal runs: one file a part,
// with its version, where it comes from, and how its images and its chart are
// made under the names that production uses.
package parts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
	"github.com/wealth-companion/companion/rehearsal/progress"
)

// Part is one third party's program, or a family of them.
type Part struct {
	Name    string
	Version string
	// Origin says which registry's package it is built from.
	Origin string
	// StandIn says why it is not the real part, and what it does less; empty for
	// the real one.
	StandIn string
	// Memory is what the part takes of the rehearsal's budget, in MiB.
	Memory int
	// Later says that the application does without the part: its images are made when the
	// application has been validated.
	Later bool

	hosts  []build.Program // programs that run on the host
	images func(context.Context, *Catalogue) ([]image.Recipe, error)
	chart  func(context.Context, *Catalogue) (*chartSource, error)
}

// All lists the parts in the order in which a rehearsal meets them.
func All() []Part {
	return []Part{
		pulumiPart(), etcdPart(), kubernetesPart(), corednsPart(), storagePart(),
		certManagerPart(), nginxPart(), daprPart(), strimziPart(), kafkaPart(), redisPart(),
		prometheusOperatorPart(), prometheusPart(), alertmanagerPart(), jaegerPart(),
		metricsServerPart(),
	}
}

// Catalogue makes the parts, and the project's own programs and images.
type Catalogue struct {
	build *build.Builder
	root  string
	cache string
	slots chan struct{} // one a core: builds are heavy
}

// New returns the catalogue of the checkout at root.
func New(root, cacheDir string, report progress.Reporter) *Catalogue {
	return &Catalogue{
		build: &build.Builder{Root: root, Cache: cacheDir, Report: report},
		root:  root, cache: cacheDir,
		slots: make(chan struct{}, max(1, runtime.NumCPU())),
	}
}

// own are the project's programs that run on the host: name, module, package.
var own = [][3]string{
	{"companionctl", "app", "./cmd/companionctl"},
	{"companion-policy", "policy", "."},
	{"pulumi-resource-kubernetes", "rehearsal", "./cmd/pulumi-resource-kubernetes"},
	{"pulumi-resource-digitalocean", "rehearsal", "./cmd/pulumi-resource-digitalocean"},
}

// Previewing are the host's programs that a preview needs.
var Previewing = []string{"pulumi", "pulumi-language-go", "companion-policy", "pulumi-resource-kubernetes", "pulumi-resource-digitalocean"}

// HostPrograms names every program that Binary makes.
func HostPrograms() []string {
	var names []string
	for _, part := range All() {
		for _, program := range part.hosts {
			names = append(names, program.Name)
		}
	}
	for _, one := range own {
		names = append(names, one[0])
	}
	return names
}

// Binary builds one of the host's programs and returns its path.
func (c *Catalogue) Binary(ctx context.Context, name string) (string, error) {
	for _, part := range All() {
		for _, program := range part.hosts {
			if program.Name == name {
				return c.program(ctx, program)
			}
		}
	}
	for _, one := range own {
		if one[0] == name {
			return c.slot(ctx, func() (string, error) { return c.build.Own(ctx, one[0], one[1], one[2]) })
		}
	}
	return "", fmt.Errorf("no program %q: there are %v", name, HostPrograms())
}

// Binaries builds the host's programs (all of them when none is named) and
// returns their paths by name.
func (c *Catalogue) Binaries(ctx context.Context, names ...string) (map[string]string, error) {
	if len(names) == 0 {
		names = HostPrograms()
	}
	var mu sync.Mutex
	paths := map[string]string{}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range names {
		group.Go(func() error {
			path, err := c.Binary(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			paths[name] = path
			return err
		})
	}
	return paths, group.Wait()
}

// Compile builds the programs that Pulumi will run, each at its target by its package, so that
// Pulumi, which shows no progress meanwhile, need not.
func (c *Catalogue) Compile(ctx context.Context, programs map[string]string) error {
	group, ctx := errgroup.WithContext(ctx)
	for pkg, target := range programs {
		group.Go(func() error {
			_, err := c.slot(ctx, func() (string, error) { return "", c.build.Compile(ctx, pkg, target) })
			return err
		})
	}
	return group.Wait()
}

// program builds a third party's program when a core is free.
func (c *Catalogue) program(ctx context.Context, p build.Program) (string, error) {
	return c.slot(ctx, func() (string, error) { return c.build.Go(ctx, p) })
}

func (c *Catalogue) slot(ctx context.Context, do func() (string, error)) (string, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
		return do()
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Store is the folder of the image store.
func (c *Catalogue) Store() string { return filepath.Join(c.cache, "images") }

// Images has the images in the store that the application needs. The release is the tag of
// the project's own: it follows from their content, so that an unchanged tree changes nothing.
func (c *Catalogue) Images(ctx context.Context) (release string, err error) {
	store, err := image.Open(c.Store())
	if err != nil {
		return "", err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.imagesOf(ctx, store, false) })
	group.Go(func() error {
		var err error
		release, err = c.services(ctx, store)
		return err
	})
	return release, group.Wait()
}

// LaterImages has the other images in the store.
func (c *Catalogue) LaterImages(ctx context.Context) error {
	store, err := image.Open(c.Store())
	if err != nil {
		return err
	}
	return c.imagesOf(ctx, store, true)
}

// imagesOf has the parts' images in the store: of those for later, or of the others.
func (c *Catalogue) imagesOf(ctx context.Context, store *image.Store, later bool) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range All() {
		if part.images == nil || part.Later != later {
			continue
		}
		group.Go(func() error {
			recipes, err := part.images(ctx, c)
			if err != nil {
				return fmt.Errorf("%s: %w", part.Name, err)
			}
			for _, recipe := range recipes {
				if err := c.assemble(store, recipe); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (c *Catalogue) assemble(store *image.Store, recipe image.Recipe) error {
	made, err := store.Ensure(recipe)
	if err != nil || made {
		c.build.Report.Stage("image " + recipe.Ref).Done(err)
	}
	return err
}

// DebianPackages are what the rehearsal takes from Debian: the container
// runtime, the network's tools, PostgreSQL, programs of which images are made, and the
// browser of the web's tests.
func DebianPackages() []string {
	return []string{
		"ca-certificates", "containerd", "runc", "containernetworking-plugins", "iptables", "nftables", "conntrack",
		"iproute2", "util-linux", "procps", "postgresql", "redis-tools", "busybox-static",
		"maven", "python3", "python3-pip", "chromium",
	}
}

// HostTools are programs that must be on the PATH: those that no package of
// DebianPackages brings at a version that is new enough, and nft, which is in a folder
// for root's programs that not every PATH has.
func HostTools() []string { return []string{"go", "python3", "mvn", "nft"} }

// caCertificates are the public authorities, for images whose programs call out.
const caCertificates = "/etc/ssl/certs/ca-certificates.crt"

// program65532 is the shape of most images: one static program, run by the
// user that distroless images have.
func program65532(ref, source, at string) image.Recipe {
	return image.Recipe{
		Ref: ref, User: "65532:65532", Entrypoint: []string{at}, WorkDir: "/",
		Files: append(image.Users("nonroot", 65532, 65532),
			image.File{Path: at, Source: source, Mode: 0o755},
			image.File{Path: caCertificates, Source: caCertificates},
			image.File{Path: "/tmp", Dir: true, Mode: os.ModeSticky | 0o777},
		),
	}
}
