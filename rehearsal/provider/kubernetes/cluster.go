package kubernetes

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// cluster is one API server.
type cluster struct {
	config  *rest.Config
	dynamic dynamic.Interface
	typed   kubernetes.Interface

	discovery discovery.CachedDiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
	mu        sync.Mutex
	resets    int // how often discovery was read again
}

func newCluster(config *rest.Config) (*cluster, error) {
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(typed.Discovery())
	return &cluster{
		config:    config,
		dynamic:   dynamicClient,
		typed:     typed,
		discovery: cached,
		mapper:    restmapper.NewDeferredDiscoveryRESTMapper(cached),
	}, nil
}

// mapping finds the resource that serves a kind. A kind that is missing may
// have come with a definition since discovery was read, so a miss reads it
// again: once, however many ask at the same time.
func (c *cluster) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	c.mu.Lock()
	before := c.resets
	c.mu.Unlock()

	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if !meta.IsNoMatchError(err) {
		return mapping, err
	}
	c.mu.Lock()
	if c.resets == before {
		c.mapper.Reset()
		c.resets++
	}
	c.mu.Unlock()
	return c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
}

// forget drops what discovery knew, after kinds came or went.
func (c *cluster) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mapper.Reset()
	c.resets++
}

// client is the interface to the objects of a kind. The namespace is ignored
// for kinds that have none.
func (c *cluster) client(gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapping(gvk)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource), nil
	}
	if namespace == "" {
		namespace = defaultNamespace
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

// namespaced reports whether a kind lives in namespaces. A kind that is not
// there yet is taken to: most do, and the API server corrects the others.
func (c *cluster) namespaced(gvk schema.GroupVersionKind) (bool, error) {
	mapping, err := c.mapping(gvk)
	if meta.IsNoMatchError(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return mapping.Scope.Name() == meta.RESTScopeNameNamespace, nil
}

// exists reports whether the API server serves a kind.
func (c *cluster) exists(gvk schema.GroupVersionKind) bool {
	_, err := c.mapping(gvk)
	return err == nil
}
