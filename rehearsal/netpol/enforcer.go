package netpol

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Enforcer keeps nodes' rules in step with the API server.
type Enforcer struct {
	PodRange  netip.Prefix
	APIServer netip.Addr
	Log       *slog.Logger
	// Apply has a node run an nftables script.
	Apply func(ctx context.Context, node, script string) error
}

// settle is how long changes are collected: a rollout makes many at once.
const settle = 50 * time.Millisecond

// Run enforces until ctx ends. The rules stay then, as they are.
func (e *Enforcer) Run(ctx context.Context, config *rest.Config) error {
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("network policies: %w", err)
	}
	changed := make(chan struct{}, 1)
	var known atomic.Bool
	notify := func() {
		if !known.Load() {
			return
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { notify() }, UpdateFunc: func(any, any) { notify() }, DeleteFunc: func(any) { notify() },
	}
	typed := informers.NewSharedInformerFactory(api, 0)
	own := dynamicinformer.NewDynamicSharedInformerFactory(untyped, 0)
	core, policies, cilium := typed.Core().V1(), typed.Networking().V1().NetworkPolicies(), own.ForResource(CiliumPolicies)
	for _, informer := range []cache.SharedIndexInformer{
		core.Pods().Informer(), core.Namespaces().Informer(), core.Nodes().Informer(), policies.Informer(), cilium.Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("network policies: %w", err)
		}
	}
	typed.Start(ctx.Done())
	own.Start(ctx.Done())
	typed.WaitForCacheSync(ctx.Done())
	own.WaitForCacheSync(ctx.Done())
	known.Store(true)
	notify()

	state := func() (State, error) {
		s := State{PodRange: e.PodRange, APIServer: e.APIServer}
		var err error
		if s.Pods, err = core.Pods().Lister().List(labels.Everything()); err != nil {
			return s, err
		}
		if s.Namespaces, err = core.Namespaces().Lister().List(labels.Everything()); err != nil {
			return s, err
		}
		if s.Nodes, err = core.Nodes().Lister().List(labels.Everything()); err != nil {
			return s, err
		}
		if s.Policies, err = policies.Lister().List(labels.Everything()); err != nil {
			return s, err
		}
		for _, object := range cilium.Informer().GetStore().List() {
			policy, err := NewCiliumPolicy(object.(*unstructured.Unstructured))
			if err != nil {
				return s, err
			}
			s.Cilium = append(s.Cilium, policy)
		}
		return s, nil
	}
	e.keep(ctx, changed, state)
	return nil
}

// keep applies each node's rules when they have changed, and again after a failure.
func (e *Enforcer) keep(ctx context.Context, changed chan struct{}, current func() (State, error)) {
	applied := map[string]string{}
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			select {
			case <-ctx.Done():
				return
			case <-time.After(settle):
			}
		case <-again:
		}
		again = nil
		s, err := current()
		if err != nil {
			e.Log.Error("network policies cannot be read", "error", err)
			again = time.After(time.Second)
			continue
		}
		maps.DeleteFunc(applied, func(name, _ string) bool {
			return !slices.ContainsFunc(s.Nodes, func(node *corev1.Node) bool { return node.Name == name })
		})
		for _, node := range s.Nodes {
			rules := s.Rules(node.Name)
			if applied[node.Name] == rules {
				continue
			}
			if err := e.Apply(ctx, node.Name, rules); err != nil {
				e.Log.Error("network policies are not enforced", "node", node.Name, "error", err)
				again = time.After(time.Second)
				continue
			}
			applied[node.Name] = rules
		}
	}
}
