package cluster

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/template"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// AddonImages are the images of what every DOKS cluster comes with.
type AddonImages struct{ CoreDNS, Provisioner, Busybox string }

// applyAddons gives the cluster what DOKS gives it: a name server and a default
// storage class.
func (c *Cluster) applyAddons(ctx context.Context) error {
	config, err := c.restConfig()
	if err != nil {
		return err
	}
	api, err := client.New(config, client.Options{})
	if err != nil {
		return fmt.Errorf("cluster addons: %w", err)
	}
	templates, err := template.ParseFS(manifests, "manifests/*.yaml")
	if err != nil {
		return err
	}
	values := map[string]string{
		"DNS":              c.network.DNS().String(),
		"Volumes":          c.volumes(),
		"CoreDNSImage":     c.images.CoreDNS,
		"ProvisionerImage": c.images.Provisioner,
		"BusyboxImage":     c.images.Busybox,
	}
	if err := c.applyDefinitions(ctx, api); err != nil {
		return err
	}
	for _, manifest := range templates.Templates() {
		var out bytes.Buffer
		if err := manifest.Execute(&out, values); err != nil {
			return err
		}
		if err := apply(ctx, api, &out); err != nil {
			return fmt.Errorf("%s: %w", manifest.Name(), err)
		}
	}
	return nil
}

// applyDefinitions installs the Gateway API's definitions. As at DigitalOcean, a
// VPC-native cluster comes with them from Kubernetes 1.33 on, and DOKS owns them: what
// somebody else changed is changed back.
func (c *Cluster) applyDefinitions(ctx context.Context, api client.Client) error {
	files, err := filepath.Glob(filepath.Join(c.crds, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		opened, err := os.Open(file)
		if err != nil {
			return err
		}
		err = apply(ctx, api, opened)
		if err = errors.Join(err, opened.Close()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func apply(ctx context.Context, api client.Client, documents io.Reader) error {
	decoder := yaml.NewYAMLOrJSONDecoder(documents, 4096)
	for {
		var object unstructured.Unstructured
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		unstructured.RemoveNestedField(object.Object, "status")
		unstructured.RemoveNestedField(object.Object, "metadata", "creationTimestamp")
		// kube-system and the like appear a moment after the API server does.
		name := object.GetKind() + " " + object.GetName()
		err := poll(ctx, 30*time.Second, name, func(ctx context.Context) error {
			return api.Apply(ctx, client.ApplyConfigurationFromUnstructured(&object), client.FieldOwner("doks"), client.ForceOwnership)
		})
		if err != nil {
			return err
		}
	}
}

// waitForNodes returns when each named node is Ready, telling seen of every
// node whose readiness changed.
func (c *Cluster) waitForNodes(ctx context.Context, names []string, seen func(name string, ready bool)) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	return poll(ctx, 5*time.Minute, "the nodes to be Ready", func(ctx context.Context) error {
		list, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		ready := map[string]bool{}
		for _, node := range list.Items {
			ready[node.Name] = nodeReady(node)
		}
		var missing []string
		for _, name := range names {
			if was, ok := known[name]; !ok || was != ready[name] {
				known[name] = ready[name]
				seen(name, ready[name])
			}
			if !ready[name] {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("not Ready: %v (logs: %s)", missing, c.processes.LogFile(nodeProcess("kubelet", Node{Name: missing[0]})))
		}
		return nil
	})
}
