package parts

import (
	"context"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

const provisionerVersion = "0.0.30"

// Images of the storage class do-block-storage.
const (
	ProvisionerImage = "docker.io/rancher/local-path-provisioner:v" + provisionerVersion
	BusyboxImage     = "docker.io/library/busybox:1.35"
)

func storagePart() Part {
	return Part{
		Name: "local-path-provisioner", Version: provisionerVersion, Origin: "Go modules", Memory: 40,
		StandIn: "for DigitalOcean's block storage, which is theirs alone: a volume is a folder of this machine, bound to the node that made it",
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			program, err := c.program(ctx, build.Program{
				Name: "local-path-provisioner", Tool: "local-path-provisioner",
				Package: "github.com/rancher/local-path-provisioner", LDFlags: "-X main.VERSION=v" + provisionerVersion,
			})
			if err != nil {
				return nil, err
			}
			provisioner := program65532(ProvisionerImage, program, "/usr/bin/local-path-provisioner")
			provisioner.User = ""
			provisioner.Entrypoint = nil
			busybox := image.Recipe{
				Ref: BusyboxImage, Command: []string{"sh"},
				Files: append(image.Users("nobody", 65534, 65534),
					image.File{Path: "/bin/busybox", Source: "/bin/busybox", Mode: 0o755},
					image.File{Path: "/tmp", Dir: true, Mode: 0o777},
				),
			}
			for _, applet := range []string{"sh", "mkdir", "rm", "chmod", "ls", "cat", "wget", "nc"} {
				busybox.Files = append(busybox.Files, image.File{Path: "/bin/" + applet, Link: "busybox"})
			}
			return []image.Recipe{provisioner, busybox}, nil
		},
	}
}
