package digitalocean

import "github.com/digitalocean/godo"

// clusterPlugin is a part of a cluster that is on or off. The client has a type
// for each; nil is one of which the program says nothing.
type clusterPlugin struct {
	Enabled bool `json:"enabled" do:"required"`
}

func routingAgent(set *clusterPlugin) *godo.KubernetesRoutingAgent {
	if set == nil {
		return nil
	}
	return &godo.KubernetesRoutingAgent{Enabled: &set.Enabled}
}

func amdPlugin(set *clusterPlugin) *godo.KubernetesAmdGpuDevicePlugin {
	if set == nil {
		return nil
	}
	return &godo.KubernetesAmdGpuDevicePlugin{Enabled: &set.Enabled}
}

func amdMetrics(set *clusterPlugin) *godo.KubernetesAmdGpuDeviceMetricsExporterPlugin {
	if set == nil {
		return nil
	}
	return &godo.KubernetesAmdGpuDeviceMetricsExporterPlugin{Enabled: &set.Enabled}
}

func nvidiaPlugin(set *clusterPlugin) *godo.KubernetesNvidiaGpuDevicePlugin {
	if set == nil {
		return nil
	}
	return &godo.KubernetesNvidiaGpuDevicePlugin{Enabled: &set.Enabled}
}

func rdmaPlugin(set *clusterPlugin) *godo.KubernetesRdmaSharedDevicePlugin {
	if set == nil {
		return nil
	}
	return &godo.KubernetesRdmaSharedDevicePlugin{Enabled: &set.Enabled}
}

// readPlugins takes over what the API says of the plugins.
func (c *clusterState) readPlugins(found *godo.KubernetesCluster) {
	if p := found.RoutingAgent; p != nil && p.Enabled != nil {
		c.RoutingAgent = &clusterPlugin{Enabled: *p.Enabled}
	}
	if p := found.AmdGpuDevicePlugin; p != nil && p.Enabled != nil {
		c.AMDPlugin = &clusterPlugin{Enabled: *p.Enabled}
	}
	if p := found.AmdGpuDeviceMetricsExporterPlugin; p != nil && p.Enabled != nil {
		c.AMDMetrics = &clusterPlugin{Enabled: *p.Enabled}
	}
	if p := found.NvidiaGpuDevicePlugin; p != nil && p.Enabled != nil {
		c.NvidiaPlugin = &clusterPlugin{Enabled: *p.Enabled}
	}
	if p := found.RdmaSharedDevicePlugin; p != nil && p.Enabled != nil {
		c.RDMAPlugin = &clusterPlugin{Enabled: *p.Enabled}
	}
}
