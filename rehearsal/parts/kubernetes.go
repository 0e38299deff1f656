package parts

import (
	"context"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

// KubernetesVersion is what the control plane and the nodes run.
const KubernetesVersion = "1.36.2"

// PauseImage holds a pod's namespaces open.
const PauseImage = "registry.k8s.io/pause:3.10"

func etcdPart() Part {
	return Part{
		Name: "etcd", Version: "3.6.5", Origin: "Go modules", Memory: 150,
		hosts: []build.Program{{Name: "etcd", Tool: "etcd", Package: "go.etcd.io/etcd/server/v3"}},
	}
}

func kubernetesPart() Part {
	// Charts ask for the version, and an unstamped build calls itself v0.0.0.
	const stamp = "-X k8s.io/component-base/version.gitVersion=v" + KubernetesVersion +
		" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
	part := Part{
		Name: "Kubernetes", Version: KubernetesVersion, Origin: "Go modules", Memory: 1100,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			pause, err := c.build.Own(ctx, "pause", "rehearsal", "./image/pause")
			if err != nil {
				return nil, err
			}
			return []image.Recipe{{
				Ref: PauseImage, User: "65535:65535", Entrypoint: []string{"/pause"},
				Files: append(image.Users("pause", 65535, 65535), image.File{Path: "/pause", Source: pause, Mode: 0o755}),
			}}, nil
		},
	}
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"} {
		part.hosts = append(part.hosts, build.Program{
			Name: name, Tool: "kubernetes", Package: "k8s.io/kubernetes/cmd/" + name, LDFlags: stamp,
		})
	}
	return part
}
