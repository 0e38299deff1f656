package doapi

import (
	"context"
	"slices"
	"time"

	"github.com/wealth-companion/companion/rehearsal/autoscaler"
)

// autoscalerConfiguration is a cluster's, as the API has it.
type autoscalerConfiguration struct {
	ScaleDownUtilizationThreshold *float64 `json:"scale_down_utilization_threshold"`
	ScaleDownUnneededTime         *string  `json:"scale_down_unneeded_time"`
	Expanders                     []string `json:"expanders"`
}

var expanders = []string{"random", "priority", "least_waste"}

func (a *autoscalerConfiguration) check() error {
	if share := a.ScaleDownUtilizationThreshold; share != nil && (*share < 0 || *share > 1) {
		return invalid("validation error: cluster_autoscaler_configuration.scale_down_utilization_threshold %g must be from 0 to 1", *share)
	}
	if text := a.ScaleDownUnneededTime; text != nil {
		if d, err := time.ParseDuration(*text); err != nil || d <= 0 {
			return invalid("validation error: cluster_autoscaler_configuration.scale_down_unneeded_time %q must be a duration such as 1m30s", *text)
		}
	}
	for _, e := range a.Expanders {
		if !slices.Contains(expanders, e) {
			return invalid("validation error: cluster_autoscaler_configuration.expanders: %q is none of %v", e, expanders)
		}
	}
	return nil
}

// settings are the cluster's, with DigitalOcean's own for what it leaves out. Pools here are
// chosen by the pods that they help, whatever the expander.
func (a *autoscalerConfiguration) settings() autoscaler.Settings {
	set := autoscaler.Defaults
	if a == nil {
		return set
	}
	if a.ScaleDownUtilizationThreshold != nil {
		set.ScaleDownUtilizationThreshold = *a.ScaleDownUtilizationThreshold
	}
	if a.ScaleDownUnneededTime != nil {
		set.ScaleDownUnneededTime, _ = time.ParseDuration(*a.ScaleDownUnneededTime) // checked when it was set
	}
	return set
}

// autoscale looks at a cluster that is as asked for, and changes the sizes of its pools. The
// backend has drained the node that goes.
func (k *keeper) autoscale(ctx context.Context, spec ClusterSpec) error {
	backend, ok := k.server.backend.(Autoscaler)
	if !ok {
		return nil
	}
	found, err := backend.Autoscale(ctx, spec)
	if err != nil || len(found.Grow) == 0 && found.Drained == "" {
		return err
	}
	k.server.log.Info("pools are autoscaled", "cluster", k.id, "more", found.Grow, "less", found.Drained, "why", found.Why)
	return k.server.edit(func(next *state) error {
		record, err := next.liveCluster(k.id)
		if err != nil {
			return nil // gone in the meantime
		}
		for _, p := range record.Cluster.Pools {
			if !p.AutoScale {
				continue // changed in the meantime
			}
			room := next.Account.DropletLimit - next.nodeCount(&record.Cluster, p)
			p.Count = min(p.Count+found.Grow[p.ID], p.MaxNodes, room)
			for _, n := range p.Nodes {
				if n.Name == found.Drained && n.Status.State != NodeDeleting {
					n.show(NodeDeleting, "", false)
					p.Count = max(p.Count-1, p.MinNodes)
				}
			}
			next.resize(p)
		}
		record.Generation++
		return nil
	})
}

// autoscaled tells whether the cluster has pools with bounds.
func (s ClusterSpec) autoscaled() bool {
	return slices.ContainsFunc(s.Pools, func(p PoolSpec) bool { return p.Bounds != nil })
}
