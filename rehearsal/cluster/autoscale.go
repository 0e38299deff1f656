package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	kubectldrain "k8s.io/kubectl/pkg/drain"

	"github.com/wealth-companion/companion/rehearsal/autoscaler"
	"github.com/wealth-companion/companion/rehearsal/doapi"
)

// drainTime is how long the autoscaler tries to move a node's pods before it leaves the node.
const drainTime = 2 * time.Minute

// Autoscale implements doapi.Autoscaler. A node whose pods do not go, since a disruption
// budget holds one, takes pods again, and is looked at anew.
func (b *Backend) Autoscale(ctx context.Context, spec doapi.ClusterSpec) (doapi.Scaling, error) {
	api, err := b.cluster.client()
	if err != nil {
		return doapi.Scaling{}, err
	}
	view, err := look(ctx, api)
	if err != nil {
		return doapi.Scaling{}, fmt.Errorf("look at the cluster's pods: %w", err)
	}
	has, err := machine()
	if err != nil {
		return doapi.Scaling{}, err
	}
	decided := b.autoscaler.Look(view, autoscaled(spec, has), spec.Autoscaler, time.Now())
	if decided.Remove != "" {
		if err := drain(ctx, api, decided.Remove, drainTime); err != nil {
			return doapi.Scaling{}, errors.Join(fmt.Errorf("node %s is not removed: %w", decided.Remove, err), cordon(ctx, api, decided.Remove, false))
		}
	}
	return doapi.Scaling{Grow: decided.Grow, Drained: decided.Remove, Why: decided.Why}, nil
}

// look reads what the autoscaler decides on.
func look(ctx context.Context, api kubernetes.Interface) (autoscaler.View, error) {
	var view autoscaler.View
	nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return view, err
	}
	pods, err := api.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return view, err
	}
	budgets, err := api.PolicyV1().PodDisruptionBudgets("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return view, err
	}
	volumes, err := api.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return view, err
	}
	view = autoscaler.View{Nodes: nodes.Items, Pods: pods.Items, Budgets: budgets.Items, Volumes: map[string]corev1.PersistentVolume{}}
	for _, volume := range volumes.Items {
		if claim := volume.Spec.ClaimRef; claim != nil {
			view.Volumes[claim.Namespace+"/"+claim.Name] = volume
		}
	}
	return view, nil
}

// autoscaled are the pools that have bounds, each with a node as it would add it here.
func autoscaled(spec doapi.ClusterSpec, has Offer) []autoscaler.Pool {
	var pools []autoscaler.Pool
	for _, p := range spec.Pools {
		if p.Bounds == nil {
			continue
		}
		var offer Offer
		offer.MilliCPU, offer.MemoryMiB = p.Allocatable()
		kept := offer.reserved(has)
		made := autoscaler.Pool{ID: p.ID, Min: p.Bounds.Min, Max: p.Bounds.Max, Template: corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: p.Name, Labels: spec.NodeLabels(p, doapi.NodeSpec{})},
			Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{
				corev1.ResourceCPU:    *resource.NewMilliQuantity(int64(has.MilliCPU-kept.MilliCPU), resource.DecimalSI),
				corev1.ResourceMemory: *resource.NewQuantity(int64(has.MemoryMiB-kept.MemoryMiB-evictionMiB)<<20, resource.BinarySI),
				corev1.ResourcePods:   *resource.NewQuantity(podsPerNode, resource.DecimalSI),
			}},
		}}
		for _, t := range p.Taints {
			made.Template.Spec.Taints = append(made.Template.Spec.Taints, corev1.Taint{Key: t.Key, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
		}
		for _, n := range p.Nodes {
			made.Nodes = append(made.Nodes, n.Name)
		}
		pools = append(pools, made)
	}
	return pools
}

// drain moves a node's pods, as its disruption budgets allow, and returns when they are gone.
func drain(ctx context.Context, api kubernetes.Interface, node string, most time.Duration) error {
	if err := cordon(ctx, api, node, true); err != nil {
		return err
	}
	var said bytes.Buffer
	err := kubectldrain.RunNodeDrain(&kubectldrain.Helper{
		Ctx: ctx, Client: api, Force: true, IgnoreAllDaemonSets: true, DeleteEmptyDirData: true, GracePeriodSeconds: -1, Timeout: most,
		Out: &said, ErrOut: &said,
	}, node)
	if err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("%w (%s)", err, lines[len(lines)-1])
	}
	return nil
}

// cordon has a node take no more pods, or take them again. A node that is gone takes none.
func cordon(ctx context.Context, api kubernetes.Interface, name string, closed bool) error {
	node, err := api.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return kubectldrain.RunCordonOrUncordon(&kubectldrain.Helper{Ctx: ctx, Client: api}, node, closed)
}
