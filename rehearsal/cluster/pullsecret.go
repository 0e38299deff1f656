package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/wealth-companion/companion/rehearsal/doapi"
)

// spreadPause is how long a new namespace waits for the pull secret at most.
const spreadPause = time.Second

// integrate has the cluster pull from the account's registry as DOKS does it, or not any
// more (nil). What was spread before stays, as at DigitalOcean.
func (c *Cluster) integrate(pull *doapi.PullSecret) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopSpreading != nil {
		c.stopSpreading()
		c.stopSpreading = nil
	}
	if pull == nil {
		return nil
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stopSpreading = cancel
	go func() {
		ticker := time.NewTicker(spreadPause)
		defer ticker.Stop()
		for {
			if err := spread(ctx, api, *pull); err != nil && ctx.Err() == nil {
				c.log.Warn("pull secret not in every namespace", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return nil
}

// spread puts the pull secret into every namespace and names it in each default service
// account. Other accounts are none of DOKS' business: pods that run as one must name a
// secret themselves.
func spread(ctx context.Context, api kubernetes.Interface, pull doapi.PullSecret) error {
	namespaces, err := api.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var errs []error
	for _, namespace := range namespaces.Items {
		if namespace.Status.Phase == corev1.NamespaceTerminating {
			continue
		}
		if err := errors.Join(putPullSecret(ctx, api, namespace.Name, pull), patchDefaultAccount(ctx, api, namespace.Name, pull.Name)); err != nil {
			errs = append(errs, fmt.Errorf("namespace %s: %w", namespace.Name, err))
		}
	}
	return errors.Join(errs...)
}

func putPullSecret(ctx context.Context, api kubernetes.Interface, namespace string, pull doapi.PullSecret) error {
	secrets := api.CoreV1().Secrets(namespace)
	wanted := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: pull.Name, Namespace: namespace}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: pull.DockerConfig},
	}
	there, err := secrets.Get(ctx, pull.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = secrets.Create(ctx, wanted, metav1.CreateOptions{})
		return err
	}
	if err != nil || bytes.Equal(there.Data[corev1.DockerConfigJsonKey], pull.DockerConfig) {
		return err
	}
	there.Data = wanted.Data
	_, err = secrets.Update(ctx, there, metav1.UpdateOptions{})
	return err
}

func patchDefaultAccount(ctx context.Context, api kubernetes.Interface, namespace, secret string) error {
	accounts := api.CoreV1().ServiceAccounts(namespace)
	account, err := accounts.Get(ctx, "default", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil // its controller has not made it yet
	}
	named := corev1.LocalObjectReference{Name: secret}
	if err != nil || slices.Contains(account.ImagePullSecrets, named) {
		return err
	}
	patch, err := json.Marshal(map[string]any{"imagePullSecrets": append(account.ImagePullSecrets, named)})
	if err != nil {
		return err
	}
	_, err = accounts.Patch(ctx, "default", types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
