package rules

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Prices are what DigitalOcean asks, in US cents a month. They are whole cents, so that
// sums are exact.
type Prices struct {
	// Date is when they were looked up, as YYYY-MM-DD.
	Date string
	// Sizes are the nodes' and Droplets' by their slug.
	Sizes map[string]int
	// ControlPlane is a highly available control plane's; the other one is free.
	ControlPlane int
	LoadBalancer int // one, of one node
	// VolumeGiB is one GiB of block storage.
	VolumeGiB int
	// Registries are the registry's subscriptions by their slug.
	Registries map[string]int
	// Databases are the nodes of managed databases by their slug.
	Databases map[string]int
}

// Cost is what one resource costs a month.
type Cost struct {
	Resource  Resource
	Component string // the type of the component that it is in
	What      string // such as 3 nodes s-4vcpu-8gb
	Cents     int
	// Unknown tells that the price is not known: why.
	Unknown string
}

// Costs are what the plan's resources cost a month, the dearest first. Traffic, snapshots
// and what others than DigitalOcean ask (the database) are not among it.
func (p Plan) Costs() []Cost {
	var all []Cost
	for _, r := range p.Resources {
		for _, c := range p.costsOf(r) {
			c.Resource, c.Component = r, r.Component()
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b Cost) int { return cmp.Or(b.Cents-a.Cents, cmp.Compare(a.What, b.What)) })
	return all
}

// Total is the sum of costs, in cents a month.
func Total(costs []Cost) int {
	sum := 0
	for _, c := range costs {
		sum += c.Cents
	}
	return sum
}

// Dollars writes cents as an amount.
func Dollars(cents int) string { return fmt.Sprintf("$%d.%02d", cents/100, cents%100) }

func overBudget(plan Plan) []Violation {
	costs := plan.Costs()
	total := Total(costs)
	if plan.MonthlyBudget <= 0 {
		return nil
	}
	var f found
	if total > plan.MonthlyBudget*100 {
		var parts []string
		for _, c := range costs {
			if c.Cents > 0 {
				parts = append(parts, c.What+" "+Dollars(c.Cents))
			}
		}
		f.on(Resource{}, "it costs %s a month, more than the budget of $%d (%s)", Dollars(total), plan.MonthlyBudget, strings.Join(parts, ", "))
	}
	for _, c := range costs {
		if c.Unknown != "" {
			f.on(c.Resource, "%s, so that the budget cannot be checked", c.Unknown)
		}
	}
	return f
}

// costsOf estimates what a resource costs.
func (p Plan) costsOf(r Resource) []Cost {
	switch {
	case isCluster(r):
		costs := p.pool(r, r.Properties["nodePool"])
		if yes(r.Properties["ha"]) {
			costs = append(costs, Cost{What: "control plane of several machines", Cents: p.Prices.ControlPlane})
		}
		return costs
	case isDigitalOcean(r, "KubernetesNodePool"):
		return p.pool(r, r.Properties)
	case isDigitalOcean(r, "ContainerRegistry"):
		tier := text(r.Properties["subscriptionTierSlug"])
		return p.priced("registry "+tier, p.Prices.Registries, tier, 1, unknown(r.Properties["subscriptionTierSlug"]))
	case isDigitalOcean(r, "Droplet"):
		size := text(r.Properties["size"])
		return p.priced("Droplet "+size, p.Prices.Sizes, size, 1, unknown(r.Properties["size"]))
	case isDigitalOcean(r, "DatabaseCluster"):
		size := text(r.Properties["size"])
		nodes, _ := number(r.Properties["nodeCount"])
		return p.priced(fmt.Sprintf("%v database nodes %s", max(nodes, 1), size), p.Prices.Databases, size, max(nodes, 1), unknown(r.Properties["size"]))
	case isDigitalOcean(r, "LoadBalancer"):
		return []Cost{{What: "load balancer", Cents: p.Prices.LoadBalancer}}
	case isDigitalOcean(r, "Volume"):
		size, _ := number(r.Properties["size"])
		return p.storage("volume", size, 1)
	}
	return p.kubernetesCosts(r)
}

// pool is a pool of nodes, at the most that autoscaling allows.
func (p Plan) pool(r Resource, pool any) []Cost {
	size, nodes := at(pool, "size"), at(pool, "nodeCount")
	if yes(at(pool, "autoScale")) && at(pool, "maxNodes") != nil {
		nodes = at(pool, "maxNodes")
	}
	n, _ := number(nodes)
	return p.priced(fmt.Sprintf("%v nodes %s", n, text(size)), p.Prices.Sizes, text(size), n, unknown(size) || unknown(nodes))
}

func (p Plan) priced(what string, prices map[string]int, slug string, n float64, later bool) []Cost {
	if later {
		return []Cost{{What: what}} // the update is checked again
	}
	price, known := prices[slug]
	if !known {
		return []Cost{{What: what, Unknown: fmt.Sprintf("the price of %q is not known", slug)}}
	}
	return []Cost{{What: what, Cents: cents(float64(price) * n)}}
}

func (p Plan) storage(what string, gib, n float64) []Cost {
	if gib <= 0 || n <= 0 {
		return nil
	}
	return []Cost{{What: fmt.Sprintf("%v × %v GiB, %s", n, gib, what), Cents: cents(gib * n * float64(p.Prices.VolumeGiB))}}
}

// maxCents keeps absurd numbers from overflowing.
const maxCents = 1 << 40

func cents(amount float64) int {
	if !(amount > 0) {
		return 0
	}
	return int(math.Ceil(min(amount, maxCents)))
}

// kubernetesCosts are those of what Kubernetes makes at DigitalOcean: load balancers and
// volumes.
func (p Plan) kubernetesCosts(r Resource) []Cost {
	var all []Cost
	if r.isRelease() {
		balancers := map[string]bool{}
		walk(r.Properties["values"], func(path []string, value any) bool {
			if text(value) == "LoadBalancer" {
				balancers[strings.Join(path, ".")] = true
			}
			return true
		})
		for range len(balancers) {
			all = append(all, Cost{What: "load balancer of " + r.chart(), Cents: p.Prices.LoadBalancer})
		}
		all = append(all, p.claimed(r)...)
	}
	for _, o := range r.objects {
		switch o.kind {
		case "Service":
			if text(o.spec("type")) == "LoadBalancer" {
				all = append(all, Cost{What: "load balancer", Cents: p.Prices.LoadBalancer})
			}
		case "PersistentVolumeClaim":
			all = append(all, p.storage("volume", gibibytes(o.spec("resources", "requests", "storage")), 1)...)
		case "StatefulSet":
			replicas, is := number(o.spec("replicas"))
			if !is {
				replicas = 1
			}
			for _, claim := range each(o.spec("volumeClaimTemplates")) {
				all = append(all, p.storage("volumes of "+o.name(), gibibytes(at(claim, "spec", "resources", "requests", "storage")), replicas)...)
			}
		case "KafkaNodePool":
			replicas, _ := number(o.spec("replicas"))
			for _, size := range volumeSizes(o.spec("storage")) {
				all = append(all, p.storage("volumes of the brokers", gibibytes(size), replicas)...)
			}
		}
	}
	return all
}

// claimed are the volumes that a chart's values claim by a template, as operators take it:
// one for each of the replicas that are set beside the storage.
func (p Plan) claimed(r Resource) []Cost {
	var all []Cost
	walk(r.Properties["values"], func(_ []string, value any) bool {
		inside := fields(value)
		for _, key := range slices.Sorted(maps.Keys(inside)) {
			size := at(inside[key], "volumeClaimTemplate", "spec", "resources", "requests", "storage")
			replicas, is := number(inside["replicas"])
			if !is {
				replicas = 1
			}
			all = append(all, p.storage("volumes of "+r.chart(), gibibytes(size), replicas)...)
		}
		return true
	})
	return all
}

// volumeSizes are those of a broker's storage: one volume, or several.
func volumeSizes(storage any) []any {
	var all []any
	for _, volume := range append(each(at(storage, "volumes")), fields(storage)) {
		if text(at(volume, "type")) == "persistent-claim" {
			all = append(all, at(volume, "size"))
		}
	}
	return all
}

var quantity = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$`)

// gibibytes reads a quantity of Kubernetes'; 0 when it is none.
func gibibytes(value any) float64 {
	match := quantity.FindStringSubmatch(text(value))
	if match == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(match[1], 64)
	factor := map[string]float64{
		"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50,
	}[match[2]]
	return math.Ceil(n * factor / (1 << 30))
}

// ByComponent sums costs by component, in cents.
func ByComponent(costs []Cost) (components []string, cents map[string]int) {
	cents = map[string]int{}
	for _, c := range costs {
		cents[c.Component] += c.Cents
	}
	components = slices.Collect(maps.Keys(cents))
	slices.SortFunc(components, func(a, b string) int { return cmp.Or(cents[b]-cents[a], cmp.Compare(a, b)) })
	return components, cents
}
