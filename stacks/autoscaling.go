package stacks

import (
	"strconv"
	"strings"
)

// autoscaling checks that what each service follows is measured, and that it leaves room to
// grow.
func (p *problems) autoscaling(c Config) {
	for name, service := range c.Services.ByName() {
		a, key := service.Autoscaling, namespace+"services."+name+".autoscaling"
		if a == nil {
			continue
		}
		if a.MaxReplicas <= service.Replicas {
			p.add(key+".maxReplicas", "is %d, but replicas, the smallest number of pods, is %d: set it to more, or leave autoscaling out", a.MaxReplicas, service.Replicas)
		}
		if a.CPU == "" && a.Memory == "" {
			p.add(key, "has nothing to follow: set cpu or memory")
		}
		if (a.CPU != "" || a.Memory != "") && c.Charts.MetricsServer == nil {
			p.add(namespace+"charts.metricsServer", "is missing: set it, services.%s follows what its pods take", name)
		}
		if target, limit := inBytes(a.Memory), inBytes(service.Resources.MemoryLimit); target > 0 && limit > 0 && target >= limit {
			p.add(key+".memory", "is %s, but a pod that takes %s is ended: set it to less", a.Memory, service.Resources.MemoryLimit)
		}
	}
}

// inBytes reads an amount of memory as Kubernetes writes it; 0 when it is none, which the
// schema has told.
func inBytes(quantity string) float64 {
	for unit, factor := range map[string]float64{"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30} {
		if number, is := strings.CutSuffix(quantity, unit); is {
			value, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return 0
			}
			return value * factor
		}
	}
	return 0
}
