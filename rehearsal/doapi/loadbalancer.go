package doapi

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// LoadBalancer is a load balancer that a cluster's controller has set up.
type LoadBalancer struct {
	Name      string // as the controller names it; unique in the account
	IP        string
	ClusterID string // empty: the only cluster that there is
	Rules     []ForwardingRule
}

// ForwardingRule leads from a port of the load balancer to one of the nodes.
type ForwardingRule struct {
	EntryProtocol  string `json:"entry_protocol"` // tcp, http, https, udp
	EntryPort      int    `json:"entry_port"`
	TargetProtocol string `json:"target_protocol"`
	TargetPort     int    `json:"target_port"`
}

type loadBalancer struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	IP        string           `json:"ip"`
	Size      string           `json:"size"`
	SizeUnit  int              `json:"size_unit"`
	Type      string           `json:"type"`
	Algorithm string           `json:"algorithm"`
	Status    string           `json:"status"`
	CreatedAt time.Time        `json:"created_at"`
	Rules     []ForwardingRule `json:"forwarding_rules"`
	Region    balancerRegion   `json:"region"`
	VPCID     string           `json:"vpc_uuid"`
	Tag       string           `json:"tag"`
	ProjectID string           `json:"project_id"`
	ClusterID string           `json:"cluster_id"` // ours, to find those of a cluster
}

type balancerRegion struct {
	Name      string `json:"name"`
	Slug      string `json:"slug"`
	Available bool   `json:"available"`
}

func (b *loadBalancer) urn() string { return "do:loadbalancer:" + b.ID }

// routeLoadBalancers lists load balancers and removes them. They are made by a
// cluster's controller alone: there is nothing else here to balance for.
func (s *Server) routeLoadBalancers() {
	s.read("GET /v2/load_balancers", func(now *state, r *http.Request) (any, error) {
		return page(r, "load_balancers", now.LoadBalancers)
	})
	s.read("GET /v2/load_balancers/{id}", func(now *state, r *http.Request) (any, error) {
		found, err := now.loadBalancer(r.PathValue("id"))
		return object{"load_balancer": found}, err
	})
	s.write("DELETE /v2/load_balancers/{id}", http.StatusNoContent, func(next *state, r *http.Request) (any, error) {
		found, err := next.loadBalancer(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		next.removeLoadBalancers(func(b *loadBalancer) bool { return b == found })
		return nil, nil
	})
}

func (s *state) loadBalancer(id string) (*loadBalancer, error) {
	return find(s.LoadBalancers, func(b *loadBalancer) bool { return b.ID == id })
}

func (s *state) removeLoadBalancers(which func(*loadBalancer) bool) {
	s.LoadBalancers = slices.DeleteFunc(s.LoadBalancers, func(b *loadBalancer) bool {
		if !which(b) {
			return false
		}
		delete(s.Assignments, b.urn())
		return true
	})
}

// PutLoadBalancer shows a load balancer, or changes the one of that name.
func (s *Server) PutLoadBalancer(wanted LoadBalancer) error {
	return s.change(func(next *state) error {
		owner, err := next.owner(wanted.ClusterID)
		if err != nil {
			return fmt.Errorf("load balancer %s: %w", wanted.Name, err)
		}
		if owner.Deleting {
			return nil // its controller has not heard yet; the balancer would outlive it
		}
		found, err := find(next.LoadBalancers, func(b *loadBalancer) bool { return b.Name == wanted.Name })
		if err != nil {
			found = &loadBalancer{
				ID: uuid.NewString(), Name: wanted.Name, Size: "lb-small", SizeUnit: 1, Type: "REGIONAL_NETWORK",
				Algorithm: "round_robin", CreatedAt: now(),
			}
			next.LoadBalancers = append(next.LoadBalancers, found)
			next.assignToDefault(found.urn())
			found.ProjectID = next.Assignments[found.urn()].Project
		}
		c := owner.Cluster
		found.IP, found.Status, found.Rules = wanted.IP, "active", wanted.Rules
		found.ClusterID, found.VPCID, found.Tag = c.ID, c.VPCID, "k8s:"+c.ID
		found.Region = balancerRegion{Name: regionName(c.Region), Slug: c.Region, Available: true}
		return nil
	})
}

// owner is the cluster of that id, or the only one.
func (s *state) owner(id string) (*clusterRecord, error) {
	if id == "" && len(s.Clusters) == 1 {
		return s.Clusters[0], nil
	}
	return s.cluster(id)
}

// RemoveLoadBalancer forgets the load balancer of that name, if there is one.
func (s *Server) RemoveLoadBalancer(name string) error {
	return s.change(func(next *state) error {
		next.removeLoadBalancers(func(b *loadBalancer) bool { return b.Name == name })
		return nil
	})
}
