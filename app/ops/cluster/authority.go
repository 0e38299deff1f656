package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// The annotations by which an update that was cut off goes on: on the copy while clients
// are still to be replaced, and on the pods that have read it.
const (
	annotationReplacing = "companion/authority-to-be-read"
	annotationRead      = "companion/authority"
)

// Follow says where an authority is, and who has to know it.
type Follow struct {
	// From is the operator's Secret: all of its certificates (*.crt) are trusted, also those
	// of before while the operator keeps them.
	FromNamespace, From string
	// To is the copy, with everything under ca.crt, in the clients' namespace.
	ToNamespace, To string
	// Deployments are the clients. Their pods read the copy when they start only.
	Deployments []string
	// Ready is how long the pods of one Deployment may take to be replaced.
	Ready time.Duration
}

// FollowAuthority brings the copy of an authority up to date and then has the clients'
// pods replaced, one Deployment after another: the next one only when all pods of the one
// before are ready. It does nothing when nothing has changed, reports each thing that it
// does, and goes on where an earlier call was cut off.
func (c *Cluster) FollowAuthority(ctx context.Context, f Follow, report func(string)) error {
	source, err := c.client.CoreV1().Secrets(f.FromNamespace).Get(ctx, f.From, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("secret %s/%s: %w", f.FromNamespace, f.From, err)
	}
	bundle, wanted, err := bundleOf(source.Data)
	if err != nil {
		return fmt.Errorf("secret %s/%s: %w", f.FromNamespace, f.From, err)
	}
	version := fingerprint(bundle)
	copied, err := c.client.CoreV1().Secrets(f.ToNamespace).Get(ctx, f.To, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("secret %s/%s: %w", f.ToNamespace, f.To, err)
	}
	_, replacing := copied.Annotations[annotationReplacing]
	if has, err := certificates(copied.Data["ca.crt"]); err != nil || !slices.Equal(has, wanted) {
		if _, err := c.patchSecret(ctx, f.ToNamespace, f.To, map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{annotationReplacing: version}},
			"data":     map[string]any{"ca.crt": bundle},
		}); err != nil {
			return err
		}
		report("the authority " + version + " is in secret " + f.ToNamespace + "/" + f.To)
		replacing = true
	}
	if !replacing {
		return nil
	}
	for _, deployment := range f.Deployments {
		if err := c.replacePods(ctx, f, deployment, annotationRead, version, report); err != nil {
			return fmt.Errorf("deployment %s/%s: %w", f.ToNamespace, deployment, err)
		}
	}
	_, err = c.patchSecret(ctx, f.ToNamespace, f.To, map[string]any{"metadata": map[string]any{"annotations": map[string]any{annotationReplacing: nil}}})
	return err
}

// manager is whose changes these are, for server-side apply: Pulumi owns other fields.
const manager = "companionctl-authority"

func patch(change map[string]any, do func([]byte) error) error {
	raw, err := json.Marshal(change)
	if err != nil {
		return err
	}
	return do(raw)
}

// patchSecret merges a change into a Secret and returns it as it is then.
func (c *Cluster) patchSecret(ctx context.Context, namespace, name string, change map[string]any) (patched *corev1.Secret, err error) {
	if err := patch(change, func(raw []byte) (err error) {
		patched, err = c.client.CoreV1().Secrets(namespace).Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: manager})
		return err
	}); err != nil {
		return nil, fmt.Errorf("secret %s/%s: %w", namespace, name, err)
	}
	return patched, nil
}

// replacePods has a Deployment's pods replaced, unless they have this version under the
// annotation, and waits until the new ones are ready.
func (c *Cluster) replacePods(ctx context.Context, f Follow, name, annotation, version string, report func(string)) error {
	deployments := c.client.AppsV1().Deployments(f.ToNamespace)
	current, err := deployments.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if current.Spec.Template.Annotations[annotation] != version {
		if err := patch(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
			"annotations": map[string]any{annotation: version},
		}}}}, func(raw []byte) error {
			_, err := deployments.Patch(ctx, name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: manager})
			return err
		}); err != nil {
			return err
		}
		report("the pods of " + name + " are replaced")
	}
	var wanted, updated int32
	if err := wait.PollUntilContextTimeout(ctx, time.Second, f.Ready, true, func(ctx context.Context) (bool, error) {
		current, err := deployments.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		status := current.Status
		wanted, updated = 1, status.UpdatedReplicas
		if current.Spec.Replicas != nil {
			wanted = *current.Spec.Replicas
		}
		return status.ObservedGeneration >= current.Generation && updated == wanted && status.AvailableReplicas == wanted && status.Replicas == wanted, nil
	}); err != nil {
		return fmt.Errorf("%d of %d pods with the new authority are ready, and no further Deployment is touched: %w", updated, wanted, err)
	}
	return nil
}

// bundleOf are a Secret's certificates as one file, the newest authority first, and each one's
// fingerprint in that order.
func bundleOf(data map[string][]byte) (file []byte, fingerprints []string, err error) {
	for _, key := range slices.SortedFunc(maps.Keys(data), func(a, b string) int {
		if (a == "ca.crt") != (b == "ca.crt") {
			if a == "ca.crt" {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	}) {
		if !strings.HasSuffix(key, ".crt") {
			continue
		}
		its, err := certificates(data[key])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", key, err)
		}
		fingerprints = append(fingerprints, its...)
		file = append(append(file, bytes.TrimSpace(data[key])...), '\n')
	}
	if len(file) == 0 {
		return nil, nil, errors.New("it has no certificate (*.crt)")
	}
	return file, fingerprints, nil
}

// certificates are those of a PEM file, each by its fingerprint, in order.
func certificates(file []byte) ([]string, error) {
	var all []string
	for {
		block, rest := pem.Decode(file)
		if block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			all = append(all, fingerprint(block.Bytes))
		}
		file = rest
	}
	if len(all) == 0 {
		return nil, errors.New("it is no certificate in PEM")
	}
	return all, nil
}

func fingerprint(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}
