package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// function answers a question about what exists.
type function struct {
	arguments []*property
	secrets   []resource.PropertyKey
	answer    func(ctx context.Context, s *session, arguments resource.PropertyMap) (resource.PropertyMap, error)
}

var functions = map[tokens.ModuleMember]function{
	"digitalocean:index/getContainerRegistry:getContainerRegistry": ask(func(ctx context.Context, s *session, a struct {
		Name string `json:"name" do:"required"`
	},
	) (any, error) {
		found, err := readRegistry(ctx, s, a.Name, registryState{})
		if err != nil || found == nil {
			return nil, lacking(err, "container registry", a.Name)
		}
		return struct {
			*registryState

			ID string `json:"id"`
		}{found, found.Name}, nil
	}),
	"digitalocean:index/getDomain:getDomain": ask(func(ctx context.Context, s *session, a struct {
		Name string `json:"name" do:"required"`
	},
	) (any, error) {
		found, answer, err := s.client.Domains.Get(ctx, a.Name)
		if err != nil {
			return nil, lacking(unlessGone(answer, err), "domain", a.Name)
		}
		return map[string]any{"id": found.Name, "name": found.Name, "ttl": found.TTL, "domainUrn": found.URN(), "zoneFile": found.ZoneFile}, nil
	}),
	"digitalocean:index/getKubernetesCluster:getKubernetesCluster": ask(getKubernetesCluster, "kubeConfigs"),
	"digitalocean:index/getKubernetesVersions:getKubernetesVersions": ask(func(ctx context.Context, s *session, a struct {
		VersionPrefix string `json:"versionPrefix"`
	},
	) (any, error) {
		options, _, err := s.client.Kubernetes.GetOptions(ctx)
		if err != nil {
			return nil, err
		}
		slugs := []string{}
		for _, v := range options.Versions {
			if strings.HasPrefix(v.Slug, a.VersionPrefix) {
				slugs = append(slugs, v.Slug)
			}
		}
		latest := ""
		if len(slugs) > 0 {
			latest = slugs[0]
		}
		return map[string]any{"id": "kubernetes-versions", "versionPrefix": a.VersionPrefix, "validVersions": slugs, "latestVersion": latest}, nil
	}),
	"digitalocean:index/getLoadBalancer:getLoadBalancer": ask(getLoadBalancer),
}

func ask[A any](answer func(context.Context, *session, A) (any, error), secrets ...resource.PropertyKey) function {
	return function{arguments: schemaFor[A](), secrets: secrets, answer: func(ctx context.Context, s *session, given resource.PropertyMap) (resource.PropertyMap, error) {
		arguments, err := decode[A](given)
		if err != nil {
			return nil, err
		}
		found, err := answer(ctx, s, arguments)
		if err != nil {
			return nil, err
		}
		return encode(found)
	}}
}

// Invoke answers a function's question.
func (p *Provider) Invoke(ctx context.Context, req sdk.InvokeRequest) (sdk.InvokeResponse, error) {
	of, ok := functions[req.Tok]
	if !ok {
		return sdk.InvokeResponse{}, fmt.Errorf("the stand-in for the DigitalOcean plugin has no function %s; it has %v",
			req.Tok, slices.Sorted(maps.Keys(functions)))
	}
	checked := &checker{}
	checked.object(nil, of.arguments, req.Args)
	if len(checked.failures) > 0 {
		return sdk.InvokeResponse{Failures: checked.failures}, nil
	}
	ctx, s, end, err := p.session(ctx, "", 0)
	if err != nil {
		return sdk.InvokeResponse{}, err
	}
	defer end()
	found, err := of.answer(ctx, s, req.Args)
	if err != nil {
		return sdk.InvokeResponse{}, err
	}
	for _, key := range of.secrets {
		found[key] = resource.MakeSecret(found[key])
	}
	return sdk.InvokeResponse{Properties: found}, nil
}

func lacking(err error, what, name string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("there is no %s named %s", what, name)
}

type clusterQuestion struct {
	Name                    string   `json:"name" do:"required"`
	Tags                    []string `json:"tags"`
	KubeconfigExpireSeconds *int     `json:"kubeconfigExpireSeconds"`
}

func getKubernetesCluster(ctx context.Context, s *session, q clusterQuestion) (any, error) {
	clusters, err := all(func(options *godo.ListOptions) ([]*godo.KubernetesCluster, *godo.Response, error) {
		return s.client.Kubernetes.List(ctx, options)
	})
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(clusters, func(c *godo.KubernetesCluster) bool { return c.Name == q.Name })
	if at < 0 {
		return nil, lacking(nil, "Kubernetes cluster", q.Name)
	}
	c := clusters[at]
	now, err := readCluster(ctx, s, c.ID, clusterState{KubeconfigExpireSeconds: q.KubeconfigExpireSeconds})
	if err != nil || now == nil {
		return nil, lacking(err, "Kubernetes cluster", q.Name)
	}
	type pool struct {
		clusterPool

		// Here, unlike in the resource, none of these is left out.
		NodeCount int               `json:"nodeCount"`
		MinNodes  int               `json:"minNodes"`
		MaxNodes  int               `json:"maxNodes"`
		Labels    map[string]string `json:"labels"`
		Tags      []string          `json:"tags"`
		Taints    []taint           `json:"taints"`
	}
	pools := []pool{}
	for _, p := range c.NodePools {
		pools = append(pools, pool{
			clusterPool: clusterPool{ID: p.ID, Name: p.Name, Size: p.Size, ActualNodeCount: p.Count, AutoScale: p.AutoScale, Nodes: nodesOf(p.Nodes)},
			NodeCount:   p.Count, MinNodes: p.MinNodes, MaxNodes: p.MaxNodes,
			Labels: p.Labels, Tags: ownTags(p.Tags), Taints: append([]taint{}, taintsOf(p.Taints)...),
		})
	}
	return struct {
		*clusterState

		// The function's names for what the resource has one of.
		NodePool          *clusterPool  `json:"nodePool,omitempty"`
		MaintenancePolicy *maintenance  `json:"maintenancePolicy,omitempty"`
		Firewall          *firewall     `json:"controlPlaneFirewall,omitempty"`
		RegistryOn        *bool         `json:"registryIntegration,omitempty"`
		DestroyAll        *bool         `json:"destroyAllAssociatedResources,omitempty"`
		ClusterURN        *string       `json:"clusterUrn,omitempty"`
		ID                string        `json:"id"`
		URN               string        `json:"urn"`
		AutoUpgrade       bool          `json:"autoUpgrade"`
		Pools             []pool        `json:"nodePools"`
		Policies          []maintenance `json:"maintenancePolicies"`
		Firewalls         []firewall    `json:"controlPlaneFirewalls"`
	}{
		clusterState: now, ID: c.ID, URN: now.URN, AutoUpgrade: c.AutoUpgrade, Pools: pools,
		Policies: listOf(now.MaintenancePolicy), Firewalls: listOf(now.ControlPlaneFirewall),
	}, nil
}

func listOf[T any](one *T) []T {
	if one == nil {
		return []T{}
	}
	return []T{*one}
}

type balancerQuestion struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func getLoadBalancer(ctx context.Context, s *session, q balancerQuestion) (any, error) {
	if (q.ID == "") == (q.Name == "") {
		return nil, errors.New("a load balancer is found by its id or by its name: give one of them")
	}
	balancers, err := all(func(options *godo.ListOptions) ([]godo.LoadBalancer, *godo.Response, error) {
		return s.client.LoadBalancers.List(ctx, options)
	})
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(balancers, func(b godo.LoadBalancer) bool { return b.ID == q.ID || (q.ID == "" && b.Name == q.Name) })
	if at < 0 {
		return nil, lacking(nil, "load balancer", q.ID+q.Name)
	}
	type rule struct {
		EntryProtocol  string `json:"entryProtocol"`
		EntryPort      int    `json:"entryPort"`
		TargetProtocol string `json:"targetProtocol"`
		TargetPort     int    `json:"targetPort"`
		CertificateID  string `json:"certificateId"`
		Certificate    string `json:"certificateName"`
		TLSPassthrough bool   `json:"tlsPassthrough"`
	}
	b := balancers[at]
	rules := []rule{}
	for _, r := range b.ForwardingRules {
		rules = append(rules, rule{r.EntryProtocol, r.EntryPort, r.TargetProtocol, r.TargetPort, r.CertificateID, "", r.TlsPassthrough})
	}
	return map[string]any{
		"id": b.ID, "name": b.Name, "loadBalancerUrn": b.URN(), "ip": b.IP, "ipv6": b.IPv6, "status": b.Status,
		"size": b.SizeSlug, "sizeUnit": b.SizeUnit, "type": b.Type, "algorithm": b.Algorithm,
		"region": value(b.Region).Slug, "vpcUuid": b.VPCUUID, "projectId": b.ProjectID,
		"dropletIds": append([]int{}, b.DropletIDs...), "dropletTag": b.Tag, "forwardingRules": rules,
		"enableProxyProtocol": b.EnableProxyProtocol, "enableBackendKeepalive": b.EnableBackendKeepalive,
		"redirectHttpToHttps": b.RedirectHttpToHttps, "disableLetsEncryptDnsRecords": value(b.DisableLetsEncryptDNSRecords),
		"httpIdleTimeoutSeconds": value(b.HTTPIdleTimeoutSeconds), "network": b.Network,
		"domains": []any{}, "firewalls": []any{}, "glbSettings": []any{}, "healthchecks": []any{}, "stickySessions": []any{}, "targetLoadBalancerIds": []string{},
	}, nil
}
