package cluster

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Where Dapr keeps its authority, and the keys in it. The ConfigMap of the same name has the
// roots only: the control plane reads them there.
const (
	trustBundle = "dapr-trust-bundle"
	rootsKey    = "ca.crt"
	issuerKey   = "issuer.crt"
	signerKey   = "issuer.key"
)

// How a sidecar is known, and where it has the roots that it trusts from.
const (
	sidecarContainer = "daprd"
	rootsVariable    = "DAPR_TRUST_ANCHORS"
)

// The annotations of the next authority, by which a renewal that was cut off goes on: since
// when it is trusted, and since when it signs.
const (
	annotationTrusted = "companion/trusted-since"
	annotationSigning = "companion/signing-since"
)

// annotationRoots is on pods that were replaced to learn of a root.
const annotationRoots = "companion/dapr-authority"

// backdated is how long before its creation an authority is good for already: clocks differ.
const backdated = 15 * time.Minute

// Renewal says where Dapr's control plane is, and whose sidecars trust its authority.
type Renewal struct {
	// Namespace is the control plane's; Next is the Secret there that holds the next
	// authority while a renewal lasts, and is empty otherwise.
	Namespace, Next string
	// Deployments are those with sidecars, in the namespace Clients. A sidecar gets its roots
	// when its pod is created.
	Clients     string
	Deployments []string
	// Lifetime is how long a new authority is good for, RenewBefore how long before the end
	// of the one in use there has to be another.
	Lifetime, RenewBefore time.Duration
	// Settle is how long the control plane may take to read what was written: the kubelet
	// brings it, and that in its own time.
	Settle time.Duration
	// Workload is how long the certificates are good for that the authority signs. They are
	// renewed at half of it.
	Workload time.Duration
	// Ready is how long the pods of one Deployment may take to be replaced.
	Ready time.Duration
	// Now is the time; time.Now when nil.
	Now func() time.Time
}

// Renew renews the authority that signs sidecars' and the control plane's certificates when
// its end is near, so that at no time somebody shows a certificate that somebody else does
// not trust:
//
//  1. a new root and an issuer that it signed are put by;
//  2. the control plane trusts the new root too, and then all sidecars do, one Deployment
//     after another getting new pods;
//  3. the new issuer signs;
//  4. when all certificates of the one before have ended, its root is trusted no more.
//
// Every call does what can be done now and goes on where another one was cut off. It
// reports each thing that it does. The root's key is kept nowhere.
func (c *Cluster) Renew(ctx context.Context, r Renewal, report func(string)) error {
	if r.Now == nil {
		r.Now = time.Now
	}
	next, err := c.client.CoreV1().Secrets(r.Namespace).Get(ctx, r.Next, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("secret %s/%s: %w", r.Namespace, r.Next, err)
	}
	used, err := c.client.CoreV1().Secrets(r.Namespace).Get(ctx, trustBundle, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("secret %s/%s: %w", r.Namespace, trustBundle, err)
	}
	if len(next.Data[rootsKey]) == 0 {
		end, err := endOf(used.Data)
		if err != nil {
			return fmt.Errorf("secret %s/%s: %w", r.Namespace, trustBundle, err)
		}
		if r.Now().Add(r.RenewBefore).Before(end) {
			return nil
		}
		if next, err = c.putBy(ctx, r, used); err != nil {
			return err
		}
		report("Dapr's authority ends on " + end.UTC().Format(time.DateOnly) + ": the next one is in secret " + r.Namespace + "/" + r.Next)
	}
	signing, isSigning := next.Annotations[annotationSigning]
	if !isSigning {
		if err := c.trust(ctx, r, used, next, report); err != nil {
			return err
		}
		return c.sign(ctx, r, next, report)
	}
	since, err := time.Parse(time.RFC3339, signing)
	if err != nil {
		return fmt.Errorf("secret %s/%s: annotation %s: %w", r.Namespace, r.Next, annotationSigning, err)
	}
	// The control plane learnt of the new issuer some time after it was written.
	if r.Now().Before(since.Add(r.Settle + r.Workload)) {
		return nil
	}
	return c.forget(ctx, r, used, next, report)
}

// endOf is when certificates that this authority signs are trusted no more: the end of its
// issuer or of the root that signed it, whichever is first.
func endOf(data map[string][]byte) (time.Time, error) {
	roots, err := parsed(data[rootsKey])
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", rootsKey, err)
	}
	chain, err := parsed(data[issuerKey])
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", issuerKey, err)
	}
	end := chain[0].NotAfter
	for _, one := range chain[1:] {
		if one.NotAfter.Before(end) {
			end = one.NotAfter
		}
	}
	var latest time.Time
	for _, root := range roots {
		if chain[len(chain)-1].CheckSignatureFrom(root) == nil && root.NotAfter.After(latest) {
			latest = root.NotAfter
		}
	}
	if latest.IsZero() {
		return time.Time{}, fmt.Errorf("%s: no root of %s signed it", issuerKey, rootsKey)
	}
	if latest.Before(end) {
		end = latest
	}
	return end, nil
}

func parsed(file []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("it has no certificate")
	}
	return all, nil
}

// putBy makes the next authority and keeps it in its Secret.
func (c *Cluster) putBy(ctx context.Context, r Renewal, used *corev1.Secret) (*corev1.Secret, error) {
	chain, err := parsed(used.Data[issuerKey])
	if err != nil {
		return nil, err
	}
	roots, err := parsed(used.Data[rootsKey])
	if err != nil {
		return nil, err
	}
	// Named as Dapr names its own.
	made, err := newAuthority(roots[0].Subject, chain[0].Subject, r.Now(), r.Lifetime)
	if err != nil {
		return nil, err
	}
	return c.patchSecret(ctx, r.Namespace, r.Next, map[string]any{"data": made})
}

// newAuthority makes a root and an issuer that it signed, under the keys of Dapr's Secret.
func newAuthority(rootName, issuerName pkix.Name, now time.Time, lifetime time.Duration) (map[string][]byte, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := func(name pkix.Name) *x509.Certificate {
		return &x509.Certificate{
			Subject: name, NotBefore: now.Add(-backdated), NotAfter: now.Add(lifetime),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		}
	}
	root, err := x509.CreateCertificate(rand.Reader, template(rootName), template(rootName), &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	signer, err := x509.ParseCertificate(root)
	if err != nil {
		return nil, err
	}
	issuer, err := x509.CreateCertificate(rand.Reader, template(issuerName), signer, &key.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		rootsKey:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}),
		issuerKey: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer}),
		signerKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

// trust has the control plane trust the next root, and then all sidecars.
func (c *Cluster) trust(ctx context.Context, r Renewal, used, next *corev1.Secret, report func(string)) error {
	trusted, isTrusted := next.Annotations[annotationTrusted]
	root := next.Data[rootsKey]
	// Dapr makes an authority of its own when it finds none: then this one is to be trusted
	// beside that.
	if !isTrusted || !bytes.Contains(used.Data[rootsKey], bytes.TrimSpace(root)) {
		if err := c.writeRoots(ctx, r, append(withNewline(used.Data[rootsKey]), root...)); err != nil {
			return err
		}
		trusted = r.Now().UTC().Format(time.RFC3339)
		if err := c.annotate(ctx, r, map[string]any{annotationTrusted: trusted}); err != nil {
			return err
		}
		report("Dapr's control plane trusts the next root too")
	}
	since, err := time.Parse(time.RFC3339, trusted)
	if err != nil {
		return fmt.Errorf("secret %s/%s: annotation %s: %w", r.Namespace, r.Next, annotationTrusted, err)
	}
	if err := sleep(ctx, since.Add(r.Settle).Sub(r.Now())); err != nil {
		return err
	}
	follow := Follow{ToNamespace: r.Clients, Ready: r.Ready}
	for _, deployment := range r.Deployments {
		missing, err := c.distrusting(ctx, r, root, deployment)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			// Another value each time: pods that were created too early are replaced again.
			version := fingerprint(root) + "-" + r.Now().UTC().Format("20060102150405")
			if err := c.replacePods(ctx, follow, deployment, annotationRoots, version, report); err != nil {
				return fmt.Errorf("deployment %s/%s: %w", r.Clients, deployment, err)
			}
		}
	}
	missing, err := c.distrusting(ctx, r, root, "")
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("sidecars of %s/{%s} do not trust the next root: the issuer stays as it is", r.Clients, strings.Join(missing, ","))
	}
	return nil
}

func withNewline(file []byte) []byte {
	return append(bytes.TrimSpace(slices.Clone(file)), '\n')
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// distrusting are the pods whose sidecars do not trust a root: of a Deployment, or of all
// when it is empty. Pods that have ended count as little as those that end.
func (c *Cluster) distrusting(ctx context.Context, r Renewal, root []byte, deployment string) ([]string, error) {
	options := metav1.ListOptions{}
	if deployment != "" {
		its, err := c.client.AppsV1().Deployments(r.Clients).Get(ctx, deployment, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("deployment %s/%s: %w", r.Clients, deployment, err)
		}
		options.LabelSelector = metav1.FormatLabelSelector(its.Spec.Selector)
	}
	pods, err := c.client.CoreV1().Pods(r.Clients).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("pods of %s: %w", r.Clients, err)
	}
	var missing []string
	for _, pod := range pods.Items {
		over := pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if roots, has := rootsOf(pod.Spec); has && !over && !strings.Contains(roots, strings.TrimSpace(string(root))) {
			missing = append(missing, pod.Name)
		}
	}
	return missing, nil
}

// rootsOf are the roots that a pod's sidecar trusts; false when it has none.
func rootsOf(spec corev1.PodSpec) (string, bool) {
	for _, container := range append(slices.Clone(spec.InitContainers), spec.Containers...) {
		if container.Name != sidecarContainer {
			continue
		}
		for _, variable := range container.Env {
			if variable.Name == rootsVariable {
				return variable.Value, true
			}
		}
		return "", true
	}
	return "", false
}

// sign has the next issuer sign from now on.
func (c *Cluster) sign(ctx context.Context, r Renewal, next *corev1.Secret, report func(string)) error {
	if err := c.writeAuthority(ctx, r, map[string]any{issuerKey: next.Data[issuerKey], signerKey: next.Data[signerKey]}); err != nil {
		return err
	}
	if err := c.annotate(ctx, r, map[string]any{annotationSigning: r.Now().UTC().Format(time.RFC3339)}); err != nil {
		return err
	}
	report("Dapr's next issuer signs")
	return nil
}

// forget has the roots of before trusted no more, and empties the Secret of the next one.
func (c *Cluster) forget(ctx context.Context, r Renewal, used, next *corev1.Secret, report func(string)) error {
	if !bytes.Equal(used.Data[issuerKey], next.Data[issuerKey]) {
		return fmt.Errorf("secret %s/%s: another issuer than that of %s signs, so that no root is given up: empty the data of %[3]s to begin anew", r.Namespace, trustBundle, r.Next)
	}
	if err := c.writeRoots(ctx, r, next.Data[rootsKey]); err != nil {
		return err
	}
	if _, err := c.patchSecret(ctx, r.Namespace, r.Next, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{annotationTrusted: nil, annotationSigning: nil}},
		"data":     map[string]any{rootsKey: nil, issuerKey: nil, signerKey: nil},
	}); err != nil {
		return err
	}
	report("Dapr's root of before is trusted no more")
	return nil
}

// writeRoots writes the roots where the control plane reads them and, right after it, where
// Dapr's certificate authority does: it makes a new authority when it starts and finds the
// two different.
func (c *Cluster) writeRoots(ctx context.Context, r Renewal, roots []byte) error {
	err := patch(map[string]any{"data": map[string]any{rootsKey: string(roots)}}, func(raw []byte) error {
		_, err := c.client.CoreV1().ConfigMaps(r.Namespace).Patch(ctx, trustBundle, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: manager})
		return err
	})
	if err != nil {
		return fmt.Errorf("config map %s/%s: %w", r.Namespace, trustBundle, err)
	}
	return c.writeAuthority(ctx, r, map[string]any{rootsKey: roots})
}

func (c *Cluster) writeAuthority(ctx context.Context, r Renewal, data map[string]any) error {
	_, err := c.patchSecret(ctx, r.Namespace, trustBundle, map[string]any{"data": data})
	return err
}

func (c *Cluster) annotate(ctx context.Context, r Renewal, annotations map[string]any) error {
	_, err := c.patchSecret(ctx, r.Namespace, r.Next, map[string]any{"metadata": map[string]any{"annotations": annotations}})
	return err
}
